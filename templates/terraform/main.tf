# Google Cloud for fsictl. What there is, is named in names.json, which is made from the code; how it is made, is here.
#
#   apis, labels    main.tf          who may do what   accounts.tf, access.tf
#   messages        topics.tf        tables            warehouse.tf
#   objects, images storage.tf       network           network.tf
#   what runs       services.tf, jobs.tf, endpoint.tf, database.tf, cluster.tf
#   money, alarms   budget.tf, alarms.tf
#
# The streaming jobs are not here: the command line starts, updates and drains them.

data "google_project" "this" {
  project_id = var.project
}

locals {
  names = jsondecode(file("${path.module}/names.json"))

  labels = merge(var.labels, {
    app        = "fsictl"
    system     = var.prefix
    managed-by = "terraform"
  })

  bucket           = coalesce(var.bucket, "${var.project}-${var.prefix}")
  image_repository = "${var.region}-docker.pkg.dev/${var.project}/${var.prefix}"
  with_images      = var.image_tag != null
  images           = local.with_images ? { for name in local.names.images : name => "${local.image_repository}/${name}:${var.image_tag}" } : {}

  # What our programs read as settings.
  environment = {
    FSICTL_TARGET      = "gcp"
    FSICTL_GCP_PROJECT = var.project
    FSICTL_GCP_REGION  = var.region
    FSICTL_GCP_DATASET = var.dataset
    FSICTL_GCP_BUCKET  = local.bucket
    FSICTL_GCP_PREFIX  = var.prefix
    FSICTL_GCP_SINK    = var.sink
  }

  apis = toset(concat(
    [
      "aiplatform", "artifactregistry", "bigquery", "bigquerystorage", "cloudbuild", "cloudscheduler", "compute",
      "dataflow", "iam", "iamcredentials", "logging", "monitoring", "pubsub", "run", "secretmanager", "storage",
    ],
    var.enable_cloud_sql ? ["sqladmin", "servicenetworking"] : [],
    var.enable_gke ? ["container"] : [],
    var.monthly_budget != null ? ["billingbudgets"] : [],
  ))
}

resource "google_project_service" "api" {
  for_each = local.apis

  project = var.project
  service = "${each.key}.googleapis.com"

  # Others in the project may use it too.
  disable_on_destroy = false
}
