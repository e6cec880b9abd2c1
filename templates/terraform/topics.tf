# Every topic, a subscription for each pipeline that reads it, and a place for what could not be delivered.

locals {
  topics = local.names.topics
  held   = local.names.held

  # A pipeline's subscription gives up on a message after 100 deliveries; what people read gives up on nothing.
  read_by_pipelines = toset([for topic, readers in local.topics : topic if length(setsubtract(readers, [local.held])) > 0])

  readers = merge([
    for topic, names in local.topics : {
      for reader in names : "${topic}/${reader}" => { topic = topic, reader = reader }
    }
  ]...)

  # Pub/Sub writes these to tables of the same names itself.
  written_by_pubsub = var.sink == "subscription" ? { for topic, readers in local.topics : "${topic}/sink" => topic if contains(readers, "sink") } : {}

  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "topic" {
  for_each = local.topics

  name                       = "${var.prefix}-${each.key}"
  message_retention_duration = "86400s" # a subscription can be set back by a day
  deletion_policy            = local.deletion_policy
  kms_key_name               = var.kms_key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.agent]
}

resource "google_pubsub_subscription" "reader" {
  for_each = local.readers

  name                       = "${var.prefix}-${each.value.topic}-${each.value.reader}"
  topic                      = google_pubsub_topic.topic[each.value.topic].id
  ack_deadline_seconds       = 60
  message_retention_duration = "${var.message_days * 86400}s"
  deletion_policy            = local.deletion_policy

  # Without it a subscription that nobody reads for 31 days, because all is parked, is deleted with its messages.
  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dynamic "bigquery_config" {
    for_each = contains(keys(local.written_by_pubsub), each.key) ? [1] : []

    content {
      table               = "${var.project}.${google_bigquery_table.table[each.value.topic].dataset_id}.${each.value.topic}"
      use_table_schema    = true
      drop_unknown_fields = false # a field that no table has is a mistake to be seen
    }
  }

  dynamic "dead_letter_policy" {
    for_each = each.value.reader == local.held ? [] : [1]

    content {
      dead_letter_topic = google_pubsub_topic.undeliverable[each.value.topic].id

      # The most there is: a pipeline that is restarted a few times must not lose its messages to it.
      max_delivery_attempts = 100
    }
  }

  depends_on = [google_bigquery_table_iam_member.pubsub]
}

resource "google_pubsub_topic" "undeliverable" {
  for_each = local.read_by_pipelines

  name                       = "${var.prefix}-${each.key}-undeliverable"
  message_retention_duration = "86400s"
  deletion_policy            = local.deletion_policy
  kms_key_name               = var.kms_key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.agent]
}

resource "google_pubsub_subscription" "undeliverable" {
  for_each = local.read_by_pipelines

  name                       = "${google_pubsub_topic.undeliverable[each.key].name}-${local.held}"
  topic                      = google_pubsub_topic.undeliverable[each.key].id
  ack_deadline_seconds       = 60
  message_retention_duration = "${var.message_days * 86400}s"
  deletion_policy            = local.deletion_policy

  expiration_policy {
    ttl = ""
  }
}

# Pub/Sub itself moves what could not be delivered, as its own agent.

resource "google_pubsub_topic_iam_member" "agent_publishes_undeliverable" {
  for_each = google_pubsub_topic.undeliverable

  topic  = each.value.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "agent_takes_undeliverable" {
  for_each = { for key, reader in local.readers : key => reader if reader.reader != local.held }

  subscription = google_pubsub_subscription.reader[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_bigquery_table_iam_member" "pubsub" {
  for_each = local.written_by_pubsub

  dataset_id = google_bigquery_dataset.tables.dataset_id
  table_id   = google_bigquery_table.table[each.value].table_id
  role       = "roles/bigquery.dataEditor"
  member     = local.pubsub_agent
}
