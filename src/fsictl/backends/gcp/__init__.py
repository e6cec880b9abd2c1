"""The ports on Google Cloud: Pub/Sub, BigQuery, Cloud Storage, Dataflow, Vertex AI."""
