# A network of its own: workers have no address of the internet and reach Google's services from inside.

resource "google_compute_network" "main" {
  name                            = var.prefix
  description                     = "Workers of fsictl."
  auto_create_subnetworks         = false
  delete_default_routes_on_create = false # Google's services are reached by it, without an external address

  depends_on = [google_project_service.api]
}

resource "google_compute_subnetwork" "main" {
  name                     = "${var.prefix}-${var.region}"
  description              = "Workers of fsictl in ${var.region}."
  region                   = var.region
  network                  = google_compute_network.main.id
  ip_cidr_range            = "10.40.0.0/20"
  private_ip_google_access = true
  stack_type               = "IPV4_ONLY"

  # Made for the cluster, and there without it: a range cannot be taken away while anything uses it.
  secondary_ip_range {
    range_name    = "pods"
    ip_cidr_range = "10.44.0.0/14"
  }

  secondary_ip_range {
    range_name    = "services"
    ip_cidr_range = "10.41.0.0/20"
  }

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }
}

# Dataflow's workers speak to each other on these ports, and to nobody else.
resource "google_compute_firewall" "dataflow" {
  name        = "${var.prefix}-dataflow-workers"
  description = "Dataflow workers among themselves."
  network     = google_compute_network.main.id
  direction   = "INGRESS"
  source_tags = ["dataflow"]
  target_tags = ["dataflow"]

  allow {
    protocol = "tcp"
    ports    = ["12345-12346"]
  }
}
