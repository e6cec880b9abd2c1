# One service account for each component. None has a key: what runs as an account gets its tokens from the platform.

resource "google_service_account" "component" {
  for_each = toset(local.names.components)

  account_id   = "${var.prefix}-${each.key}"
  display_name = "fsictl ${each.key}"
  description  = "What runs as ${each.key} of ${var.prefix}; see access.tf for what it may do."

  depends_on = [google_project_service.api]
}

locals {
  account = { for component, account in google_service_account.component : component => account.member }
}
