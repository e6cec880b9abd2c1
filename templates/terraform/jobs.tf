# Workloads that begin, do their work and end: Cloud Run jobs, started by Cloud Scheduler. Where a worker runs, the
# schedules ask the invoker instead, and the jobs are there to be started by hand.

locals {
  by_message = var.enable_workers && !var.enable_gke

  # On a cluster the training is a CronJob there.
  workloads = merge(
    var.enable_gke ? {} : {
      train = {
        component = "trainer"
        image     = "trainer"
        args      = ["train", "--now"]
        schedule  = var.train_schedule
        cpu       = "4"
        memory    = "8Gi"
        timeout   = "3600s"
      }
    },
    {
      sql = {
        component = "sql"
        image     = "sql"
        args      = ["sql", "run"]
        schedule  = var.sql_schedule
        cpu       = "1"
        memory    = "1Gi"
        timeout   = "3600s"
      }
    },
  )
}

resource "google_cloud_run_v2_job" "workload" {
  for_each = local.with_images ? local.workloads : {}

  name                = "${var.prefix}-${each.key}"
  location            = var.region
  deletion_protection = false # holds nothing
  labels              = { component = each.value.component }

  template {
    task_count = 1
    labels     = merge(local.labels, { component = each.value.component })

    template {
      service_account = google_service_account.component[each.value.component].email
      max_retries     = 1
      timeout         = each.value.timeout

      containers {
        name       = "fsictl"
        image      = local.images[each.value.image]
        command    = ["fsictl"]
        args       = each.value.args
        depends_on = each.key == "train" ? local.database_proxy[*].name : null

        dynamic "env" {
          for_each = merge(local.environment, each.key == "train" ? local.database_environment : {})

          content {
            name  = env.key
            value = env.value
          }
        }

        resources {
          limits = { cpu = each.value.cpu, memory = each.value.memory }
        }

      }

      # Signs in to the database as the account of the job, and ends with the job.
      dynamic "containers" {
        for_each = each.key == "train" ? local.database_proxy : []

        content {
          name  = containers.value.name
          image = containers.value.image
          args  = containers.value.args

          resources {
            limits = { cpu = "1", memory = "512Mi" }
          }

          startup_probe {
            period_seconds    = 1
            failure_threshold = 60

            http_get {
              path = "/startup"
              port = 9090
            }
          }
        }
      }

      # The database has no address of the internet.
      dynamic "vpc_access" {
        for_each = each.key == "train" && var.enable_cloud_sql ? [1] : []

        content {
          egress = "PRIVATE_RANGES_ONLY"

          network_interfaces {
            network    = google_compute_network.main.name
            subnetwork = google_compute_subnetwork.main.name
          }
        }
      }
    }
  }

  depends_on = [google_bigquery_table_iam_member.writer, google_storage_bucket_iam_member.component]
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  for_each = google_cloud_run_v2_job.workload

  name     = each.value.name
  location = each.value.location
  role     = "roles/run.invoker"
  member   = local.account["scheduler"]
}

resource "google_cloud_scheduler_job" "workload" {
  for_each = google_cloud_run_v2_job.workload

  name             = each.value.name
  description      = local.by_message ? "Asks the invoker for the workload ${each.key}." : "Starts the Cloud Run job ${each.value.name}."
  region           = var.region
  schedule         = local.workloads[each.key].schedule
  time_zone        = var.time_zone
  paused           = var.parked
  attempt_deadline = "60s"

  # One more start when the first was not heard; a job that failed is tried again by Cloud Run.
  retry_config {
    retry_count = 1
  }

  http_target {
    http_method = "POST"
    uri         = local.by_message ? "${local.invoker_url}/invoke?workload=${each.key}" : "https://run.googleapis.com/v2/${each.value.id}:run"

    dynamic "oauth_token" {
      for_each = local.by_message ? [] : [1]

      content {
        service_account_email = google_service_account.component["scheduler"].email
        scope                 = "https://www.googleapis.com/auth/cloud-platform"
      }
    }

    dynamic "oidc_token" {
      for_each = local.by_message ? [1] : []

      content {
        service_account_email = google_service_account.component["scheduler"].email
        audience              = local.invoker_url
      }
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.scheduler, google_cloud_run_v2_service_iam_member.invoker_caller]
}
