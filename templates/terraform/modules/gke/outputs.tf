output "cluster" {
  description = "Name of the cluster."
  value       = google_container_cluster.main.name
}

output "manifests" {
  description = "Kubernetes manifests of the invoker and the training; null while there are no images."
  value = length(var.images) == 0 ? null : templatefile("${path.module}/manifests/fsictl.yaml.tftpl", {
    namespace   = local.namespace
    prefix      = var.prefix
    accounts    = { for component, account in var.accounts : component => account.email }
    images      = var.images
    environment = var.environment
    registry    = var.registry
    proxy       = var.proxy
    workers     = var.workers
    invoker     = var.invoker_environment
    schedule    = var.schedule
    time_zone   = var.time_zone
  })
}
