# Metadata of models in PostgreSQL: no address of the internet, encrypted connections only, no password (accounts sign
# in with their tokens). Parked, the machine is off and the data stays.

resource "google_compute_global_address" "services" {
  count = var.enable_cloud_sql ? 1 : 0

  name          = "${var.prefix}-services"
  description   = "Addresses for Google's services in our network."
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.main.id
}

resource "google_service_networking_connection" "services" {
  count = var.enable_cloud_sql ? 1 : 0

  network                 = google_compute_network.main.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services[0].name]

  depends_on = [google_project_service.api]
}

resource "google_sql_database_instance" "metadata" {
  #checkov:skip=CKV2_GCP_13:A line for every statement would hide the others; statements that change tables are logged.
  count = var.enable_cloud_sql ? 1 : 0

  name                = "${var.prefix}-metadata"
  region              = var.region
  database_version    = "POSTGRES_17"
  deletion_protection = var.deletion_protection

  settings {
    tier                        = "db-f1-micro"
    edition                     = "ENTERPRISE"
    availability_type           = "ZONAL"
    activation_policy           = var.parked ? "NEVER" : "ALWAYS"
    disk_type                   = "PD_SSD"
    disk_size                   = 10
    disk_autoresize             = true
    disk_autoresize_limit       = 50
    deletion_protection_enabled = var.deletion_protection
    user_labels                 = merge(local.labels, { component = "metadata" })

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.main.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "02:00"

      backup_retention_settings {
        retained_backups = 7
      }
    }

    maintenance_window {
      day  = 7
      hour = 3
    }

    dynamic "database_flags" {
      for_each = {
        "cloudsql.iam_authentication" = "on"
        "cloudsql.enable_pgaudit"     = "on"
        "log_checkpoints"             = "on"
        "log_connections"             = "on"
        "log_disconnections"          = "on"
        "log_hostname"                = "on"
        "log_lock_waits"              = "on"
        "log_min_duration_statement"  = "-1"
        "log_min_error_statement"     = "error"
        "log_min_messages"            = "error"
        "log_statement"               = "ddl"
        "log_temp_files"              = "0"
      }

      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  depends_on = [google_service_networking_connection.services]
}

resource "google_sql_database" "metadata" {
  count = var.enable_cloud_sql ? 1 : 0

  name     = "fsictl"
  instance = google_sql_database_instance.metadata[0].name
}

locals {
  # Who signs in, as PostgreSQL spells it.
  database_user = trimsuffix(google_service_account.component["trainer"].email, ".gserviceaccount.com")

  # No password: the proxy beside the program signs in as the program's account.
  database_environment = var.enable_cloud_sql ? {
    FSICTL_MODEL_REGISTRY = "postgresql://${urlencode(local.database_user)}@127.0.0.1:5432/${google_sql_database.metadata[0].name}"
  } : {}

  database_proxy = [for instance in google_sql_database_instance.metadata : {
    name  = "proxy"
    image = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.18.0"

    args = [
      "--structured-logs", "--private-ip", "--auto-iam-authn", "--address=127.0.0.1", "--port=5432",
      "--health-check", "--http-address=0.0.0.0", instance.connection_name,
    ]
  }]
}

resource "google_sql_user" "trainer" {
  count = var.enable_cloud_sql ? 1 : 0

  name     = local.database_user
  instance = google_sql_database_instance.metadata[0].name
  type     = "CLOUD_IAM_SERVICE_ACCOUNT"

  # It is the only one who uses the database, and makes its tables.
  database_roles = ["cloudsqlsuperuser"]
}

resource "google_project_iam_member" "database" {
  for_each = var.enable_cloud_sql ? toset(["roles/cloudsql.client", "roles/cloudsql.instanceUser"]) : toset([])

  project = var.project
  role    = each.key
  member  = local.account["trainer"]

  condition {
    title       = "database of ${var.prefix}"
    description = "Only this instance."
    expression  = "resource.type == \"sqladmin.googleapis.com/Instance\" && resource.name == \"projects/${var.project}/instances/${google_sql_database_instance.metadata[0].name}\""
  }
}
