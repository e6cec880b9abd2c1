# Alarms for what nobody would notice otherwise.

resource "google_monitoring_notification_channel" "email" {
  count = var.alert_email == null ? 0 : 1

  display_name = "fsictl ${var.prefix}"
  type         = "email"
  labels       = { email_address = var.alert_email }
  user_labels  = local.labels

  depends_on = [google_project_service.api]
}

locals {
  pipelines = "^(${join("|", [for key in local.subscribers.worker : "${var.prefix}-${replace(key, "/", "-")}"])})$"
  waiting   = "^${var.prefix}-(dead-letter|.*-undeliverable)-${local.held}$"

  alarms = merge(
    {
      held = {
        title     = "messages that could not be used"
        severity  = "WARNING"
        filter    = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"${local.waiting}\")"
        above     = 0
        duration  = "300s"
        align     = "ALIGN_MAX"
        while     = "always"
        next_step = "Look at them with: fsictl dead-letter list --target gcp. They are kept for ${var.message_days} days."
      }
      late = {
        title     = "a pipeline is behind"
        severity  = "ERROR"
        filter    = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"${local.pipelines}\")"
        above     = 300
        duration  = "300s"
        align     = "ALIGN_MAX"
        while     = "running"
        next_step = "See whether it runs with: fsictl stream status --target gcp."
      }
      failed = {
        title     = "a streaming job failed"
        severity  = "CRITICAL"
        filter    = "resource.type = \"dataflow_job\" AND metric.type = \"dataflow.googleapis.com/job/is_failed\" AND resource.labels.job_name = monitoring.regex.full_match(\"^${var.prefix}-.*$\")"
        above     = 0
        duration  = "0s"
        align     = "ALIGN_MAX"
        while     = "running"
        next_step = "Read its log with: fsictl stream logs --target gcp, then start it again."
      }
    },
    length(google_cloud_run_v2_job.workload) == 0 ? {} : {
      workload = {
        title     = "a workload failed"
        severity  = "ERROR"
        filter    = "resource.type = \"cloud_run_job\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"failed\" AND resource.labels.job_name = monitoring.regex.full_match(\"^(${join("|", [for job in google_cloud_run_v2_job.workload : job.name])})$\")"
        above     = 0
        duration  = "0s"
        align     = "ALIGN_DELTA"
        while     = "running"
        next_step = "Its log is in Cloud Logging under the name of the job."
      }
    },
  )
}

resource "google_monitoring_alert_policy" "alarm" {
  for_each = local.alarms

  display_name          = "fsictl ${var.prefix}: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  enabled               = each.value.while == "always" || !var.parked
  notification_channels = google_monitoring_notification_channel.email[*].id
  user_labels           = local.labels

  documentation {
    mime_type = "text/markdown"
    content   = each.value.next_step
  }

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = each.value.duration

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = each.value.align
      }

      trigger {
        count = 1
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_project_service.api]
}

# Training that fails is seen above; training that never began is not.
resource "google_monitoring_alert_policy" "no_training" {
  count = contains(keys(google_cloud_run_v2_job.workload), "train") ? 1 : 0

  display_name          = "fsictl ${var.prefix}: no model version was trained"
  combiner              = "OR"
  severity              = "WARNING"
  enabled               = !var.parked
  notification_channels = google_monitoring_notification_channel.email[*].id
  user_labels           = local.labels

  documentation {
    mime_type = "text/markdown"
    content   = "No run of ${var.prefix}-train ended well for ${var.training_alarm_hours} hours. See: fsictl train --history --target gcp."
  }

  conditions {
    display_name = "no training"

    condition_absent {
      filter   = "resource.type = \"cloud_run_job\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"succeeded\" AND resource.labels.job_name = \"${google_cloud_run_v2_job.workload["train"].name}\""
      duration = "${var.training_alarm_hours * 3600}s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_DELTA"
      }

      trigger {
        count = 1
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
