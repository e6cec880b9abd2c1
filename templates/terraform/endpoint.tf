# A Vertex AI endpoint for programs of others. Models are uploaded and deployed by the command line, which knows the
# versions; without a deployed model the endpoint costs nothing. infra park undeploys.

locals {
  # Vertex wants a number. The same project and prefix give the same one.
  endpoint_number = tostring(1000000000 + parseint(substr(sha256("${var.project}/${var.prefix}"), 0, 7), 16))
}

resource "google_vertex_ai_endpoint" "scores" {
  #checkov:skip=CKV2_GCP_33:It is made for programs outside of this network; IAM says who may ask it.
  count = var.enable_endpoint ? 1 : 0

  name         = local.endpoint_number
  display_name = "${var.prefix}-scores"
  description  = "Scores of windows."
  location     = var.region
  region       = var.region

  dynamic "encryption_spec" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      kms_key_name = encryption_spec.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.agent]
}

# Listing a version in the registry, and deploying it: neither can be granted on a model or an endpoint alone.
resource "google_project_iam_member" "vertex" {
  for_each = toset(["trainer"])

  project = var.project
  role    = "roles/aiplatform.user"
  member  = local.account[each.key]
}
