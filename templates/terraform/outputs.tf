# What the command line reads back. Nothing here is secret. Terraform leaves an output out while it is null.

output "project" {
  description = "Project id."
  value       = var.project
}

output "region" {
  description = "Region."
  value       = var.region
}

output "prefix" {
  description = "Beginning of the names."
  value       = var.prefix
}

output "parked" {
  description = "Whether what costs money while idle is stopped."
  value       = var.parked
}

output "labels" {
  description = "Labels of everything; jobs started by the command line get them too."
  value       = local.labels
}

output "bucket" {
  description = "Bucket of model versions, staging and templates."
  value       = google_storage_bucket.main.name
}

output "dataset" {
  description = "Dataset of the tables."
  value       = google_bigquery_dataset.tables.dataset_id
}

output "views_dataset" {
  description = "Dataset of the views that show each row once."
  value       = google_bigquery_dataset.views.dataset_id
}

output "tables" {
  description = "Full name of each table."
  value       = { for name, table in google_bigquery_table.table : name => "${var.project}.${table.dataset_id}.${table.table_id}" }
}

output "topics" {
  description = "Full name of each topic, by our name of it."
  value       = { for name, topic in google_pubsub_topic.topic : name => topic.id }
}

output "subscriptions" {
  description = "Full name of each subscription, by TOPIC/READER."
  value       = { for key, subscription in google_pubsub_subscription.reader : key => subscription.id }
}

output "undeliverable" {
  description = "Full name of the subscription that holds what could not be delivered, by topic."
  value       = { for name, subscription in google_pubsub_subscription.undeliverable : name => subscription.id }
}

output "service_accounts" {
  description = "Address of each component's service account."
  value       = { for component, account in google_service_account.component : component => account.email }
}

output "network" {
  description = "Network of the Dataflow workers."
  value       = google_compute_network.main.id
}

output "subnetwork" {
  description = "Subnetwork of the Dataflow workers, as Dataflow wants it: regions/REGION/subnetworks/NAME."
  value       = "regions/${var.region}/subnetworks/${google_compute_subnetwork.main.name}"
}

output "image_repository" {
  description = "Where images are pushed; an image is REPOSITORY/NAME:TAG."
  value       = local.image_repository
}

output "images" {
  description = "Each image with its tag; empty while image_tag is null."
  value       = local.images
}

output "generator" {
  description = "Cloud Run worker pool of the price generator; null when there is none."
  value       = one(google_cloud_run_v2_worker_pool.generator[*].name)
}

output "workers" {
  description = "Cloud Run worker pool that does workloads asked for by message; null when there is none."
  value       = one(google_cloud_run_v2_worker_pool.workloads[*].name)
}

output "jobs" {
  description = "Cloud Run job of each workload; empty while image_tag is null."
  value       = { for name, job in google_cloud_run_v2_job.workload : name => job.name }
}

output "schedules" {
  description = "Cloud Scheduler jobs that start them."
  value       = { for name, job in google_cloud_scheduler_job.workload : name => job.name }
}

output "invoker_url" {
  description = "Address of the invoker, and the audience of identity tokens for it; null while image_tag is null."
  value       = length(google_cloud_run_v2_service.invoker) == 0 ? null : local.invoker_url
}

output "grafana_url" {
  description = "Address of Grafana; null when there is none."
  value       = one(google_cloud_run_v2_service.grafana[*].uri)
}

output "grafana_secret" {
  description = "Secret of Grafana's admin password. It needs a version before image_tag is set. Null without Grafana."
  value       = one(google_secret_manager_secret.grafana_admin[*].id)
}

output "endpoint" {
  description = "Vertex AI endpoint; null when there is none. What is deployed to it costs money, the endpoint alone does not."
  value       = one(google_vertex_ai_endpoint.scores[*].id)
}

output "database" {
  description = "Cloud SQL instance as PROJECT:REGION:NAME; null when there is none."
  value       = one(google_sql_database_instance.metadata[*].connection_name)
}

output "cluster" {
  description = "GKE cluster; null when there is none."
  value       = one(module.gke[*].cluster)
}

output "cluster_manifests" {
  description = "Kubernetes manifests for the cluster: kubectl apply -f them. Null without a cluster or images."
  value       = one(module.gke[*].manifests)
}

output "build_account" {
  description = "Service account that Cloud Build builds the images as."
  value       = google_service_account.component["builder"].id
}
