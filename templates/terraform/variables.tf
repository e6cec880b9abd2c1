# Where things are. The names come from these; names.json says which names there are.

variable "project" {
  description = "Project id. The project must exist."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "The project id must have 6 to 30 small letters, digits or hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "region" {
  description = "Region of jobs, services and data."
  type        = string
  default     = "europe-west1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "The region must be one like europe-west1: not a zone, not a multi-region."
  }
}

variable "prefix" {
  description = "Beginning of the names of topics, subscriptions, jobs and accounts."
  type        = string
  default     = "fsictl"

  validation {
    # An account id has at most 30 characters: the prefix, a hyphen, and the longest component.
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.prefix))
    error_message = "The prefix must have 2 to 20 small letters, digits or hyphens, begin with a letter and not end with a hyphen."
  }
}

variable "dataset" {
  description = "BigQuery dataset of the tables. The views that show each row once are in DATASET_current."
  type        = string
  default     = "forex"

  validation {
    condition     = can(regex("^[A-Za-z0-9_]+$", var.dataset)) && length(var.dataset) <= 1000
    error_message = "The dataset must have letters, digits and underscores only."
  }
}

variable "bucket" {
  description = "Bucket of model versions, staging and templates; PROJECT-PREFIX when null."
  type        = string
  default     = null

  validation {
    condition     = var.bucket == null || can(regex("^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "The bucket must have 3 to 63 small letters, digits, dots, underscores or hyphens."
  }
}

variable "labels" {
  description = "More labels for everything that is made, such as the team that pays."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for key, value in var.labels :
      can(regex("^[a-z][a-z0-9_-]{0,62}$", key)) && can(regex("^[a-z0-9_-]{0,63}$", value))
    ])
    error_message = "Labels must have small letters, digits, underscores and hyphens only, and keys must begin with a letter."
  }
}

# What runs. Data stays whatever is chosen here.

variable "image_tag" {
  description = "Tag of our images. While it is null, what runs from an image is left out: the images must be built first."
  type        = string
  default     = null

  validation {
    condition     = var.image_tag == null || can(regex("^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$", var.image_tag))
    error_message = "The tag must be one that a container image can have."
  }

  validation {
    condition     = var.image_tag != "latest"
    error_message = "The tag must not be latest: nobody could say which program ran."
  }
}

variable "parked" {
  description = "True stops what costs money while nobody uses it, and keeps all data."
  type        = bool
  default     = false
}

variable "deletion_protection" {
  description = "False lets down delete tables, buckets and databases with what is in them."
  type        = bool
  default     = true
}

variable "enable_generator" {
  description = "Simulated prices from a Cloud Run worker pool. False when a feed of your own publishes."
  type        = bool
  default     = true
}

variable "enable_grafana" {
  description = "Grafana on Cloud Run. Its secret needs a version, the admin password, before it is made: see docs/infra.md."
  type        = bool
  default     = true
}

variable "enable_endpoint" {
  description = "A Vertex AI endpoint for programs of others; our pipelines score without it."
  type        = bool
  default     = false
}

variable "enable_cloud_sql" {
  description = "Metadata of models in Cloud SQL (PostgreSQL) rather than in objects."
  type        = bool
  default     = false
}

variable "enable_workers" {
  description = "A program that takes workloads asked for by message, and schedules that ask the invoker. It costs money all day; without it schedules start Cloud Run jobs, which cost nothing in between."
  type        = bool
  default     = false
}

variable "sink" {
  description = "What writes topics to tables: a Dataflow job, or Pub/Sub itself, for which a message must carry one row. The setting gcp.sink must say the same."
  type        = string
  default     = "dataflow"

  validation {
    condition     = contains(["dataflow", "subscription"], var.sink)
    error_message = "The sink is dataflow or subscription."
  }
}

variable "enable_gke" {
  description = "A GKE Autopilot cluster for the invoker and the training; Cloud Run does both without it."
  type        = bool
  default     = false
}

variable "generator_options" {
  description = "More words for fsictl generate in the cloud, such as [\"--hz\", \"2\"]."
  type        = list(string)
  default     = []
}

variable "train_schedule" {
  description = "When a model version is trained, as cron has it."
  type        = string
  default     = "0 * * * *"

  validation {
    condition     = length(split(" ", var.train_schedule)) == 5
    error_message = "A schedule has five parts, as cron has them."
  }
}

variable "sql_schedule" {
  description = "When the daily SQL run is asked for, as cron has it."
  type        = string
  default     = "30 1 * * *"

  validation {
    condition     = length(split(" ", var.sql_schedule)) == 5
    error_message = "A schedule has five parts, as cron has them."
  }
}

variable "time_zone" {
  description = "Time zone of the schedules; UTC has no hour twice."
  type        = string
  default     = "Etc/UTC"
}

# Who may look and call.

variable "grafana_viewers" {
  description = "Who may open Grafana, as user:…, group:… or serviceAccount:…"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.grafana_viewers : can(regex("^(user|group|serviceAccount|domain):.+$", member))])
    error_message = "Viewers are written user:…, group:…, serviceAccount:… or domain:…; everybody is not allowed."
  }
}

variable "invoker_callers" {
  description = "Who may call the invoker besides the scheduler, as user:…, group:… or serviceAccount:…"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for member in var.invoker_callers : can(regex("^(user|group|serviceAccount|domain):.+$", member))])
    error_message = "Callers are written user:…, group:…, serviceAccount:… or domain:…; everybody is not allowed."
  }
}

# What is kept, and for how long.

variable "message_days" {
  description = "Days that a message waits for its reader; Pub/Sub keeps at most 31."
  type        = number
  default     = 7

  validation {
    condition     = var.message_days >= 1 && var.message_days <= 31
    error_message = "Messages wait 1 to 31 days."
  }
}

variable "table_days" {
  description = "Days of event time kept, by table; for ever where a table is not named, such as { prices = 90 }."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for days in values(var.table_days) : days >= 1])
    error_message = "A table keeps at least one day."
  }

  validation {
    condition     = alltrue([for table in keys(var.table_days) : try(local.names.tables[table].partition, null) != null])
    error_message = "Only a table that is cut by day can forget days: ${join(", ", [for name, table in local.names.tables : name if table.partition != null])}."
  }
}

variable "kms_key" {
  description = "Key of Cloud KMS for objects, tables, messages, images and the endpoint, as projects/…/cryptoKeys/NAME; Google's own keys when null."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+$", var.kms_key))
    error_message = "The key is written projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/NAME."
  }
}

# Money and alarms.

variable "billing_account" {
  description = "Billing account of the budget, such as 012345-6789AB-CDEF01."
  type        = string
  default     = null

  validation {
    condition     = var.billing_account == null || can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "The billing account is written XXXXXX-XXXXXX-XXXXXX."
  }
}

variable "monthly_budget" {
  description = "Money a month at which the budget warns (at 50, 90 and 100 %); it stops nothing. No budget when null."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget == null || try(var.monthly_budget >= 1, false)
    error_message = "A budget is at least 1."
  }

  validation {
    condition     = var.monthly_budget == null || var.billing_account != null
    error_message = "A budget needs billing_account: the account that pays for the project."
  }
}

variable "budget_currency" {
  description = "Currency of the budget; it must be that of the billing account."
  type        = string
  default     = "USD"
}

variable "training_alarm_hours" {
  description = "Hours without a training that ended well, after which there is an alarm; Cloud Monitoring looks back 23 at most."
  type        = number
  default     = 3

  validation {
    condition     = var.training_alarm_hours >= 1 && var.training_alarm_hours <= 23
    error_message = "The alarm looks back 1 to 23 hours."
  }
}

variable "alert_email" {
  description = "Where alarms are sent. They show in Cloud Monitoring in any case."
  type        = string
  default     = null

  validation {
    condition     = var.alert_email == null || can(regex("^[^@ ]+@[^@ ]+$", var.alert_email))
    error_message = "This is not an address of mail."
  }
}
