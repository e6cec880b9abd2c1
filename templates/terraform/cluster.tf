# A GKE Autopilot cluster instead of Cloud Run for the invoker and the training. It holds no data, so infra park
# removes it: the control plane costs money even when nothing runs.

module "gke" {
  source = "./modules/gke"
  count  = var.enable_gke && !var.parked ? 1 : 0

  project     = var.project
  region      = var.region
  prefix      = var.prefix
  labels      = local.labels
  network     = google_compute_network.main.id
  subnetwork  = google_compute_subnetwork.main.id
  repository  = google_artifact_registry_repository.images.repository_id
  images      = local.images
  environment = local.environment
  registry    = local.database_environment
  proxy       = one(local.database_proxy)
  schedule    = var.train_schedule
  time_zone   = var.time_zone

  workers             = var.enable_workers
  invoker_environment = local.invoker_environment

  accounts = {
    invoker = google_service_account.component["invoker"]
    trainer = google_service_account.component["trainer"]
  }

  depends_on = [google_project_service.api]
}
