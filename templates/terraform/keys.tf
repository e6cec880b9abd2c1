# A key of your own for what is stored. The key is not made here: who may destroy it, should be somebody else.

data "google_storage_project_service_account" "agent" {
  count = var.kms_key == null ? 0 : 1

  project = var.project
}

data "google_bigquery_default_service_account" "agent" {
  count = var.kms_key == null ? 0 : 1

  project = var.project
}

locals {
  # The agents of the services that store; the key's own policy decides, so they are let in there.
  key_users = var.kms_key == null ? {} : merge({
    storage          = data.google_storage_project_service_account.agent[0].member
    bigquery         = data.google_bigquery_default_service_account.agent[0].member
    pubsub           = local.pubsub_agent
    artifactregistry = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-artifactregistry.iam.gserviceaccount.com"
    }, var.enable_endpoint ? {
    vertex = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-aiplatform.iam.gserviceaccount.com"
  } : {})
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = local.key_users

  crypto_key_id = var.kms_key
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value
}
