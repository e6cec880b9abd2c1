# Who may do what. Only *_iam_member: nothing that others granted is taken away. Project-wide is only what cannot be
# granted on a thing, and never owner, editor or serviceAccountUser.

locals {
  # component => topics it publishes to
  publishers = {
    generator = ["prices", "dead-letter"]
    worker    = ["metrics", "reconerr", "dead-letter"]
    trainer   = ["job-events", "dead-letter"]
    invoker   = ["jobs"]
  }

  # component => subscriptions it reads, as TOPIC/READER
  subscribers = {
    worker  = ["prices/metrics", "prices/sink", "metrics/infer", "metrics/sink", "reconerr/sink"]
    trainer = ["jobs/workloads"]
    invoker = ["jobs/held"] # whether messages flow, for its health check
  }

  # component => roles on the project
  on_project = {
    worker  = ["roles/dataflow.worker", "roles/bigquery.jobUser"]
    trainer = ["roles/bigquery.jobUser", "roles/bigquery.readSessionUser"]
    sql     = ["roles/bigquery.jobUser"]
    invoker = ["roles/bigquery.jobUser"]
    grafana = ["roles/bigquery.jobUser", "roles/monitoring.viewer"]
    builder = ["roles/logging.logWriter"]
  }

  # component => role on the dataset of the tables
  on_tables = {
    worker  = "roles/bigquery.dataEditor"
    trainer = var.enable_workers ? "roles/bigquery.dataEditor" : "roles/bigquery.dataViewer" # a worker makes marts, too
    sql     = "roles/bigquery.dataEditor"                                                    # its marts are tables beside the others
    invoker = "roles/bigquery.dataViewer"
    grafana = "roles/bigquery.dataViewer"
  }

  # component => tables it writes besides
  writes_tables = {
    trainer = [for table in ["calibrations", "training_runs", "scorecards", "promotions", "job_events"] : table if contains(keys(local.names.tables), table)]
    invoker = [for table in ["job_events"] : table if contains(keys(local.names.tables), table)]
  }

  # component => role on the bucket
  on_bucket = {
    worker  = "roles/storage.objectUser"
    trainer = "roles/storage.objectUser"
    invoker = "roles/storage.objectViewer"
    sql     = "roles/storage.objectViewer"
    builder = "roles/storage.objectViewer" # the source it builds from
  }
}

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = merge([
    for component, topics in local.publishers : { for topic in topics : "${component}/${topic}" => { component = component, topic = topic } }
  ]...)

  topic  = google_pubsub_topic.topic[each.value.topic].id
  role   = "roles/pubsub.publisher"
  member = local.account[each.value.component]
}

resource "google_pubsub_subscription_iam_member" "reader" {
  for_each = merge([
    for component, keys in local.subscribers : { for key in keys : "${component}/${key}" => { component = component, key = key } }
  ]...)

  subscription = google_pubsub_subscription.reader[each.value.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.account[each.value.component]
}

# Event time comes from an attribute of the message, for which Dataflow makes a second subscription beside each that it
# reads, follows the watermark on it, and removes it. That takes more than reading, so there is a role for just that.

resource "google_project_iam_custom_role" "watermark" {
  role_id     = "${replace(var.prefix, "-", "_")}_watermark"
  title       = "fsictl watermark (${var.prefix})"
  description = "Subscriptions by which Dataflow follows event time."

  permissions = [
    "pubsub.subscriptions.consume",
    "pubsub.subscriptions.create",
    "pubsub.subscriptions.delete",
    "pubsub.subscriptions.get",
  ]

  depends_on = [google_project_service.api]
}

resource "google_project_iam_member" "watermark" {
  project = var.project
  role    = google_project_iam_custom_role.watermark.name
  member  = local.account["worker"]

  condition {
    title       = "subscriptions of ${var.prefix}"
    description = "Only subscriptions whose names begin with the prefix."
    expression  = "resource.name.startsWith(\"projects/${var.project}/subscriptions/${var.prefix}-\")"
  }
}

resource "google_pubsub_topic_iam_member" "watermark" {
  for_each = toset([for key in local.subscribers.worker : split("/", key)[0]])

  topic  = google_pubsub_topic.topic[each.key].id
  role   = "roles/pubsub.subscriber" # on a topic: to attach a subscription to it
  member = local.account["worker"]
}

resource "google_project_iam_member" "component" {
  for_each = merge([
    for component, roles in local.on_project : { for role in roles : "${component}/${role}" => { component = component, role = role } }
  ]...)

  project = var.project
  role    = each.value.role
  member  = local.account[each.value.component]
}

resource "google_bigquery_dataset_iam_member" "tables" {
  for_each = local.on_tables

  dataset_id = google_bigquery_dataset.tables.dataset_id
  role       = each.value
  member     = local.account[each.key]
}

resource "google_bigquery_dataset_iam_member" "views" {
  for_each = local.on_tables

  dataset_id = google_bigquery_dataset.views.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = local.account[each.key]
}

resource "google_bigquery_table_iam_member" "writer" {
  for_each = merge([
    for component, tables in local.writes_tables : { for table in tables : "${component}/${table}" => { component = component, table = table } }
  ]...)

  dataset_id = google_bigquery_dataset.tables.dataset_id
  table_id   = google_bigquery_table.table[each.value.table].table_id
  role       = "roles/bigquery.dataEditor"
  member     = local.account[each.value.component]
}

resource "google_storage_bucket_iam_member" "component" {
  for_each = local.on_bucket

  bucket = google_storage_bucket.main.name
  role   = each.value
  member = local.account[each.key]
}

resource "google_artifact_registry_repository_iam_member" "component" {
  for_each = {
    worker  = "roles/artifactregistry.reader" # Dataflow's machines pull as the worker; Cloud Run pulls as its agent
    builder = "roles/artifactregistry.writer"
  }

  project    = var.project
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.repository_id
  role       = each.value
  member     = local.account[each.key]
}
