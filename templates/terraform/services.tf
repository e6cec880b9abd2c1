# What runs all the time or answers when it is asked: the price generator, the worker, the invoker, Grafana. Made once
# there are images. Parked, generator and worker have no instance and the services answer nobody.

resource "google_cloud_run_v2_worker_pool" "generator" {
  count = local.with_images && var.enable_generator ? 1 : 0

  name                = "${var.prefix}-generator"
  location            = var.region
  description         = "Simulated prices."
  deletion_protection = false # holds nothing
  labels              = { component = "generator" }

  scaling {
    manual_instance_count = var.parked ? 0 : 1
  }

  template {
    service_account = google_service_account.component["generator"].email
    labels          = merge(local.labels, { component = "generator" })

    containers {
      image   = local.images["serving"]
      command = ["fsictl"]
      args    = concat(["generate", "--open-end"], var.generator_options)

      dynamic "env" {
        for_each = local.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      resources {
        limits = { cpu = "1", memory = "1Gi" }
      }
    }
  }

  depends_on = [google_pubsub_topic_iam_member.publisher]
}

resource "google_cloud_run_v2_worker_pool" "workloads" {
  count = local.with_images && var.enable_workers && !var.enable_gke ? 1 : 0

  name                = "${var.prefix}-workloads"
  location            = var.region
  description         = "Does the workloads that are asked for by message."
  deletion_protection = false # holds nothing
  labels              = { component = "trainer" }

  scaling {
    manual_instance_count = var.parked ? 0 : 1
  }

  template {
    service_account = google_service_account.component["trainer"].email
    labels          = merge(local.labels, { component = "trainer" })

    containers {
      image   = local.images["trainer"]
      command = ["fsictl"]
      args    = ["job", "worker"]

      dynamic "env" {
        for_each = merge(local.environment, local.database_environment)

        content {
          name  = env.key
          value = env.value
        }
      }

      resources {
        limits = { cpu = "2", memory = "4Gi" }
      }
    }

    dynamic "containers" {
      for_each = local.database_proxy

      content {
        name  = containers.value.name
        image = containers.value.image
        args  = containers.value.args

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }
      }
    }

    dynamic "vpc_access" {
      for_each = local.database_proxy

      content {
        egress = "PRIVATE_RANGES_ONLY"

        network_interfaces {
          network    = google_compute_network.main.name
          subnetwork = google_compute_subnetwork.main.name
        }
      }
    }
  }

  depends_on = [google_pubsub_topic_iam_member.publisher, google_pubsub_subscription_iam_member.reader]
}

locals {
  # Known before the service is made, which its own environment and its schedules need.
  invoker_url = "https://${var.prefix}-invoker-${data.google_project.this.number}.${var.region}.run.app"

  # Cloud Run lets nobody in without a token, and takes the signature away; the invoker looks once more at who it is.
  # On a cluster the invoker checks everything itself.
  invoker_environment = {
    FSICTL_INVOKER_AUDIENCE   = local.invoker_url
    FSICTL_INVOKER_SIGNATURES = var.enable_gke ? "checked" : "cloud-run"
    FSICTL_INVOKER_CALLERS = join(",", concat(
      [google_service_account.component["scheduler"].email],
      [for member in var.invoker_callers : split(":", member)[1] if can(regex("^(user|serviceAccount):", member))],
    ))
  }
}

resource "google_cloud_run_v2_service" "invoker" {
  count = local.with_images && !var.enable_gke ? 1 : 0

  name                = "${var.prefix}-invoker"
  location            = var.region
  description         = "HTTP contact point for workloads; identity tokens only."
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false # holds nothing
  labels              = { component = "invoker" }

  scaling {
    scaling_mode          = var.parked ? "MANUAL" : "AUTOMATIC"
    manual_instance_count = var.parked ? 0 : null
  }

  template {
    service_account                  = google_service_account.component["invoker"].email
    labels                           = merge(local.labels, { component = "invoker" })
    timeout                          = "60s"
    max_instance_request_concurrency = 40

    scaling {
      min_instance_count = 0
      max_instance_count = 2
    }

    containers {
      image   = local.images["serving"]
      command = ["fsictl"]
      args    = ["invoker", "serve", "--no-worker", "--host", "0.0.0.0", "--port", "8080"]

      ports {
        container_port = 8080
      }

      dynamic "env" {
        for_each = merge(local.environment, local.invoker_environment)

        content {
          name  = env.key
          value = env.value
        }
      }

      resources {
        cpu_idle          = true
        startup_cpu_boost = true
        limits            = { cpu = "1", memory = "1Gi" }
      }

      startup_probe {
        period_seconds    = 5
        failure_threshold = 24

        tcp_socket {
          port = 8080
        }
      }
    }
  }

  depends_on = [google_pubsub_topic_iam_member.publisher, google_pubsub_subscription_iam_member.reader]
}

# Nobody is let in without a name: there is no allUsers here, and variables.tf refuses it.
resource "google_cloud_run_v2_service_iam_member" "invoker_caller" {
  for_each = length(google_cloud_run_v2_service.invoker) == 0 ? {} : merge(
    { scheduler = local.account["scheduler"] },
    { for member in var.invoker_callers : member => member },
  )

  name     = google_cloud_run_v2_service.invoker[0].name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_secret_manager_secret" "grafana_admin" {
  count = var.enable_grafana ? 1 : 0

  secret_id = "${var.prefix}-grafana-admin"
  labels    = { component = "grafana" }

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "grafana" {
  count = var.enable_grafana ? 1 : 0

  secret_id = google_secret_manager_secret.grafana_admin[0].id
  role      = "roles/secretmanager.secretAccessor"
  member    = local.account["grafana"]
}

resource "google_cloud_run_v2_service" "grafana" {
  count = local.with_images && var.enable_grafana ? 1 : 0

  name                = "${var.prefix}-grafana"
  location            = var.region
  description         = "Dashboards, baked into the image; what is changed by hand is lost with the instance."
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false # holds nothing
  labels              = { component = "grafana" }

  scaling {
    scaling_mode          = var.parked ? "MANUAL" : "AUTOMATIC"
    manual_instance_count = var.parked ? 0 : null
  }

  template {
    service_account = google_service_account.component["grafana"].email
    labels          = merge(local.labels, { component = "grafana" })
    timeout         = "300s"

    # One at most: Grafana's own database (sessions, annotations) is inside the instance.
    scaling {
      min_instance_count = 0
      max_instance_count = 1
    }

    containers {
      image = local.images["grafana"]

      ports {
        container_port = 3000
      }

      dynamic "env" {
        for_each = local.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      # The value stands in Secret Manager alone: not here, not in the state.
      env {
        name = "GF_SECURITY_ADMIN_PASSWORD"

        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.grafana_admin[0].secret_id
            version = "latest"
          }
        }
      }

      resources {
        cpu_idle          = true
        startup_cpu_boost = true
        limits            = { cpu = "1", memory = "512Mi" }
      }

      startup_probe {
        period_seconds    = 5
        failure_threshold = 24

        http_get {
          path = "/api/health"
          port = 3000
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.grafana]
}

resource "google_cloud_run_v2_service_iam_member" "grafana_viewer" {
  for_each = length(google_cloud_run_v2_service.grafana) == 0 ? toset([]) : toset(var.grafana_viewers)

  name     = google_cloud_run_v2_service.grafana[0].name
  location = var.region
  role     = "roles/run.invoker"
  member   = each.key
}
