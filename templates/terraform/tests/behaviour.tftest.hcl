# terraform test: what holds whatever the cloud decides. No cloud is asked.

mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  project = "demo-project"
}

run "nothing_runs_without_images" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_worker_pool.generator) + length(google_cloud_run_v2_service.invoker) + length(google_cloud_run_v2_service.grafana) + length(google_cloud_run_v2_job.workload) == 0
    error_message = "Something would run from an image that nobody has built."
  }

  assert {
    condition     = length(google_bigquery_table.table) == length(local.names.tables)
    error_message = "The tables must not wait for images."
  }
}

run "what_costs_money_is_asked_for" {
  command = plan

  variables {
    image_tag = "0.1.0"
  }

  assert {
    condition     = length(google_sql_database_instance.metadata) + length(google_vertex_ai_endpoint.scores) + length(module.gke) + length(google_billing_budget.monthly) == 0
    error_message = "A part that is optional is there without being asked for."
  }

  assert {
    condition     = google_cloud_run_v2_service.invoker[0].template[0].scaling[0].min_instance_count == 0 && google_cloud_run_v2_service.grafana[0].template[0].scaling[0].min_instance_count == 0
    error_message = "A service that nobody calls must have no instance."
  }
}

run "only_who_writes_may_write" {
  command = plan

  assert {
    condition     = toset([for component, grant in google_bigquery_dataset_iam_member.tables : component if grant.role == "roles/bigquery.dataEditor"]) == toset(["worker", "sql"])
    error_message = "A component may write tables that it does not write."
  }
}

run "data_is_protected" {
  command = plan

  assert {
    condition     = google_storage_bucket.main.public_access_prevention == "enforced" && google_storage_bucket.main.uniform_bucket_level_access && google_storage_bucket.main.versioning[0].enabled
    error_message = "The bucket may be public, or forgets what was overwritten."
  }

  assert {
    condition     = !google_storage_bucket.main.force_destroy && google_storage_bucket.main.deletion_policy == "PREVENT"
    error_message = "The bucket can be destroyed with what is in it."
  }

  assert {
    condition     = alltrue([for table in google_bigquery_table.table : table.deletion_protection]) && google_bigquery_dataset.tables.deletion_policy == "PREVENT"
    error_message = "A table can be destroyed."
  }

  assert {
    condition     = alltrue([for topic in google_pubsub_topic.topic : topic.deletion_policy == "PREVENT"]) && alltrue([for subscription in google_pubsub_subscription.reader : subscription.deletion_policy == "PREVENT"])
    error_message = "Messages can be destroyed."
  }
}

run "protection_can_be_taken_off" {
  command = plan

  variables {
    deletion_protection = false
  }

  assert {
    condition     = google_storage_bucket.main.force_destroy && google_storage_bucket.main.deletion_policy == "DELETE"
    error_message = "The bucket could never be removed."
  }

  assert {
    condition     = !anytrue([for table in google_bigquery_table.table : table.deletion_protection])
    error_message = "The tables could never be removed."
  }
}

run "tables_are_cut_by_day_and_sorted_by_symbol" {
  command = plan

  variables {
    table_days = { prices = 90 }
  }

  assert {
    condition = alltrue([
      for name in ["prices", "metrics", "reconerr"] :
      google_bigquery_table.table[name].time_partitioning[0].type == "DAY" &&
      google_bigquery_table.table[name].time_partitioning[0].field == "timestamp" &&
      google_bigquery_table.table[name].clustering == tolist(["symbol"])
    ])
    error_message = "A table with symbols is not cut by day of event time and sorted by symbol."
  }

  assert {
    condition     = google_bigquery_table.table["prices"].time_partitioning[0].expiration_ms == 90 * 86400000
    error_message = "The table prices does not keep 90 days."
  }
}

run "subscriptions_outlive_a_pause" {
  command = plan

  assert {
    condition     = alltrue([for subscription in google_pubsub_subscription.reader : subscription.expiration_policy[0].ttl == ""])
    error_message = "A subscription that nobody reads would be deleted with its messages."
  }

  assert {
    condition     = google_pubsub_subscription.reader["prices/metrics"].dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "What cannot be delivered has no place to go."
  }
}

run "parked_nothing_runs_and_nothing_is_lost" {
  command = plan

  variables {
    image_tag        = "0.1.0"
    parked           = true
    enable_cloud_sql = true
    enable_endpoint  = true
    enable_gke       = true
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.generator[0].scaling[0].manual_instance_count == 0
    error_message = "The generator goes on."
  }

  assert {
    condition     = google_cloud_run_v2_service.grafana[0].scaling[0].scaling_mode == "MANUAL" && google_cloud_run_v2_service.grafana[0].scaling[0].manual_instance_count == 0
    error_message = "Grafana can be started by a visitor."
  }

  assert {
    condition     = alltrue([for job in google_cloud_scheduler_job.workload : job.paused])
    error_message = "A schedule goes on."
  }

  assert {
    condition     = google_sql_database_instance.metadata[0].settings[0].activation_policy == "NEVER"
    error_message = "The database runs."
  }

  assert {
    condition     = length(module.gke) == 0
    error_message = "The control plane of the cluster goes on."
  }

  assert {
    condition     = length(google_bigquery_table.table) == length(local.names.tables) && length(google_sql_database.metadata) == 1
    error_message = "Data would be lost."
  }
}

run "a_cluster_replaces_cloud_run" {
  command = plan

  variables {
    image_tag  = "0.1.0"
    enable_gke = true
  }

  assert {
    condition     = length(google_cloud_run_v2_service.invoker) == 0 && !contains(keys(google_cloud_run_v2_job.workload), "train") && length(module.gke) == 1
    error_message = "The invoker or the training would run twice."
  }
}

run "a_worker_is_asked_through_the_invoker" {
  command = plan

  variables {
    image_tag      = "0.1.0"
    enable_workers = true
  }

  assert {
    condition     = google_cloud_scheduler_job.workload["train"].http_target[0].uri == "https://fsictl-invoker-123456789012.europe-west1.run.app/invoke?workload=train" && length(google_cloud_scheduler_job.workload["train"].http_target[0].oidc_token) == 1
    error_message = "The schedule does not ask the invoker."
  }

  assert {
    condition     = google_cloud_run_v2_worker_pool.workloads[0].scaling[0].manual_instance_count == 1
    error_message = "Nobody would do what the invoker asks for."
  }
}

run "nobody_is_let_in_without_a_name" {
  command = plan

  variables {
    image_tag       = "0.1.0"
    invoker_callers = ["user:somebody@example.com", "group:people@example.com"]
  }

  assert {
    condition     = google_cloud_run_v2_service.invoker[0].invoker_iam_disabled != true && google_cloud_run_v2_service.grafana[0].invoker_iam_disabled != true
    error_message = "Cloud Run would let everybody in."
  }

  assert {
    condition     = toset(keys(google_cloud_run_v2_service_iam_member.invoker_caller)) == toset(["group:people@example.com", "scheduler", "user:somebody@example.com"])
    error_message = "Others than those named may call."
  }
}

run "pubsub_writes_the_tables_when_it_is_the_sink" {
  command = plan

  variables {
    sink = "subscription"
  }

  assert {
    condition     = toset([for key, subscription in google_pubsub_subscription.reader : key if length(subscription.bigquery_config) == 1]) == toset(["prices/sink", "metrics/sink", "reconerr/sink"])
    error_message = "Pub/Sub does not write the three tables, or more than those."
  }
}

run "the_database_has_no_address_of_the_internet" {
  command = plan

  variables {
    enable_cloud_sql = true
  }

  assert {
    condition     = !google_sql_database_instance.metadata[0].settings[0].ip_configuration[0].ipv4_enabled && google_sql_database_instance.metadata[0].settings[0].ip_configuration[0].ssl_mode == "ENCRYPTED_ONLY"
    error_message = "The database can be reached from the internet, or without encryption."
  }
}

run "a_budget_warns_before_it_is_spent" {
  command = plan

  variables {
    billing_account = "012345-6789AB-CDEF01"
    monthly_budget  = 100
    alert_email     = "people@example.com"
  }

  assert {
    condition     = length(google_billing_budget.monthly[0].threshold_rules) == 4 && google_billing_budget.monthly[0].amount[0].specified_amount[0].units == "100"
    error_message = "The budget does not warn."
  }
}

run "a_budget_needs_an_account" {
  command = plan

  variables {
    monthly_budget = 100
  }

  expect_failures = [var.monthly_budget]
}

run "a_table_without_days_cannot_forget_them" {
  command = plan

  variables {
    table_days = { promotions = 30 }
  }

  expect_failures = [var.table_days]
}

run "wrong_values_are_refused" {
  command = plan

  variables {
    project              = "Demo Project"
    region               = "europe-west1-b"
    prefix               = "a-prefix-that-is-far-too-long"
    dataset              = "with-hyphen"
    bucket               = "Capitals"
    labels               = { Team = "Markets" }
    image_tag            = "latest"
    train_schedule       = "hourly"
    sql_schedule         = "@daily"
    sink                 = "table"
    grafana_viewers      = ["allUsers"]
    invoker_callers      = ["allAuthenticatedUsers"]
    message_days         = 32
    table_days           = { prices = 0 }
    kms_key              = "key"
    billing_account      = "mine"
    training_alarm_hours = 48
    alert_email          = "nobody"
  }

  expect_failures = [
    var.project, var.region, var.prefix, var.dataset, var.bucket, var.labels, var.image_tag, var.train_schedule,
    var.sql_schedule, var.sink, var.grafana_viewers, var.invoker_callers, var.message_days, var.table_days, var.kms_key,
    var.billing_account, var.training_alarm_hours, var.alert_email,
  ]
}
