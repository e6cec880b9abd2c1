# Objects (model versions, staging, templates of jobs) and container images.

locals {
  # PREVENT makes Terraform refuse to destroy what holds data.
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"
}

resource "google_storage_bucket" "main" {
  #checkov:skip=CKV_GCP_62:Who changed what is in Cloud Audit Logs; a log of every read would cost more than the objects.
  name                        = local.bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection
  deletion_policy             = local.deletion_policy

  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = 604800
  }

  # What Cloud Build was given, and what Dataflow put down on the way. What a running job was staged with must stay.
  lifecycle_rule {
    condition {
      age            = 30
      matches_prefix = ["source/", "dataflow/temp/"]
    }

    action {
      type = "Delete"
    }
  }

  # Versions of an object that was overwritten or deleted.
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = 30
      with_state                 = "ARCHIVED"
    }

    action {
      type = "Delete"
    }
  }

  lifecycle_rule {
    condition {
      age = 1
    }

    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.agent]
}

resource "google_artifact_registry_repository" "images" {
  repository_id = var.prefix
  location      = var.region
  format        = "DOCKER"
  description   = "Images of fsictl."
  kms_key_name  = var.kms_key

  # A tag says for ever what ran.
  docker_config {
    immutable_tags = true
  }

  cleanup_policy_dry_run = false

  cleanup_policies {
    id     = "keep-the-newest"
    action = "KEEP"

    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "drop-untagged"
    action = "DELETE"

    condition {
      tag_state  = "UNTAGGED"
      older_than = "604800s"
    }
  }

  depends_on = [google_project_service.api, google_kms_crypto_key_iam_member.agent]
}
