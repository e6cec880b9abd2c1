"""The ports on Google Cloud: Pub/Sub, BigQuery and Cloud Storage."""
