terraform {
  required_version = ">= 1.9, < 2.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }

  # Bucket and prefix are given to init; infra bootstrap makes the bucket. Cloud Storage locks the state.
  backend "gcs" {}
}

provider "google" {
  project        = var.project
  region         = var.region
  default_labels = local.labels

  # Some interfaces (budgets) count calls against the project of the caller's credentials unless told otherwise.
  user_project_override = true
  billing_project       = var.project
}
