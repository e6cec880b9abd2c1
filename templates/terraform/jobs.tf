# Workloads that begin, do their work and end: Cloud Run jobs, started by Cloud Scheduler.

locals {
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
        image   = local.images[each.value.image]
        command = ["fsictl"]
        args    = each.value.args

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

        dynamic "volume_mounts" {
          for_each = each.key == "train" && var.enable_cloud_sql ? [1] : []

          content {
            name       = "cloudsql"
            mount_path = "/cloudsql"
          }
        }
      }

      dynamic "volumes" {
        for_each = each.key == "train" && var.enable_cloud_sql ? [1] : []

        content {
          name = "cloudsql"

          cloud_sql_instance {
            instances = [google_sql_database_instance.metadata[0].connection_name]
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
  description      = "Starts the Cloud Run job ${each.value.name}."
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
    uri         = "https://run.googleapis.com/v2/${each.value.id}:run"

    oauth_token {
      service_account_email = google_service_account.component["scheduler"].email
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }

  depends_on = [google_cloud_run_v2_job_iam_member.scheduler]
}
