# The tables, from schemas/, and beside them views that show each row once: rows are only ever appended.

resource "google_bigquery_dataset" "tables" {
  dataset_id                 = var.dataset
  friendly_name              = "fsictl"
  description                = "Tables of fsictl, rows appended; read the views in ${var.dataset}_current."
  location                   = var.region
  delete_contents_on_destroy = !var.deletion_protection
  deletion_policy            = local.deletion_policy

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.agent]
}

resource "google_bigquery_table" "table" {
  for_each = local.names.tables

  dataset_id          = google_bigquery_dataset.tables.dataset_id
  table_id            = each.key
  description         = each.value.description
  schema              = file("${path.module}/schemas/${each.key}.json")
  clustering          = length(each.value.clustering) == 0 ? null : each.value.clustering
  deletion_protection = var.deletion_protection

  dynamic "time_partitioning" {
    for_each = each.value.partition == null ? [] : [each.value.partition]

    content {
      type          = "DAY"
      field         = time_partitioning.value
      expiration_ms = try(var.table_days[each.key] * 86400000, null)
    }
  }

  dynamic "encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      kms_key_name = encryption_configuration.value
    }
  }
}

resource "google_bigquery_dataset" "views" {
  dataset_id                 = "${var.dataset}_current"
  friendly_name              = "fsictl, each row once"
  description                = "Views of the tables in ${var.dataset}: of every key the row written last."
  location                   = var.region
  delete_contents_on_destroy = true # views hold no data

  dynamic "default_encryption_configuration" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      kms_key_name = default_encryption_configuration.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.agent]
}

resource "google_bigquery_table" "view" {
  #checkov:skip=CKV_GCP_121:A view holds no data.
  #checkov:skip=CKV_GCP_80:A view holds no data.
  for_each = local.names.tables

  dataset_id          = google_bigquery_dataset.views.dataset_id
  table_id            = each.key
  description         = each.value.description
  deletion_protection = false

  view {
    query          = trimspace(templatefile("${path.module}/views/${each.key}.sql", { project = var.project, dataset = var.dataset }))
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.table]
}
