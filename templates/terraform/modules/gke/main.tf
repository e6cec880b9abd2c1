locals {
  namespace = "fsictl"
}

# The nodes' own account: logs, metrics and pulling images, nothing else. Pods act as the accounts of the components.
resource "google_service_account" "nodes" {
  account_id   = "${var.prefix}-nodes"
  display_name = "fsictl nodes"
  description  = "Machines of the cluster ${var.prefix}."
}

resource "google_project_iam_member" "nodes" {
  project = var.project
  role    = "roles/container.defaultNodeServiceAccount"
  member  = google_service_account.nodes.member
}

resource "google_artifact_registry_repository_iam_member" "nodes" {
  project    = var.project
  location   = var.region
  repository = var.repository
  role       = "roles/artifactregistry.reader"
  member     = google_service_account.nodes.member
}

resource "google_container_cluster" "main" {
  #checkov:skip=CKV_GCP_12:Autopilot always enforces network policies (Dataplane V2).
  #checkov:skip=CKV_GCP_20:The control plane has no address of its own that networks could be authorised for.
  #checkov:skip=CKV_GCP_21:resource_labels has the labels of everything; checkov does not follow merge into a module.
  #checkov:skip=CKV_GCP_61:Autopilot decides intranode visibility itself; flow logs are on the subnetwork.
  #checkov:skip=CKV_GCP_65:Google Groups need a Workspace domain, which not every project has; IAM says who may enter.
  #checkov:skip=CKV_GCP_69:Autopilot always runs the metadata server.
  name                = var.prefix
  location            = var.region
  description         = "Invoker and training of fsictl."
  enable_autopilot    = true
  deletion_protection = false # holds nothing
  network             = var.network
  subnetwork          = var.subnetwork
  resource_labels     = merge(var.labels, { component = "cluster" })

  ip_allocation_policy {
    cluster_secondary_range_name  = "pods"
    services_secondary_range_name = "services"
  }

  private_cluster_config {
    enable_private_nodes = true
  }

  # The control plane has no address: it is reached by name, and IAM says by whom.
  control_plane_endpoints_config {
    dns_endpoint_config {
      allow_external_traffic = true
    }

    ip_endpoints_config {
      enabled = false
    }
  }

  master_auth {
    client_certificate_config {
      issue_client_certificate = false
    }
  }

  release_channel {
    channel = "REGULAR"
  }

  # The project's own policy on images; it allows all until somebody writes one.
  binary_authorization {
    evaluation_mode = "PROJECT_SINGLETON_POLICY_ENFORCE"
  }

  cluster_autoscaling {
    auto_provisioning_defaults {
      service_account = google_service_account.nodes.email
      oauth_scopes    = ["https://www.googleapis.com/auth/cloud-platform"]
    }
  }

  depends_on = [google_project_iam_member.nodes, google_artifact_registry_repository_iam_member.nodes]
}

# A pod of the Kubernetes account fsictl/COMPONENT acts as the component's service account, without a key.
resource "google_service_account_iam_member" "pod" {
  for_each = var.accounts

  service_account_id = each.value.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.project}.svc.id.goog[${local.namespace}/${each.key}]"

  depends_on = [google_container_cluster.main]
}
