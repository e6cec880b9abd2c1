"""Feature SQL: a dbt project that runs on DuckDB here and on BigQuery in the cloud, one run date at a time."""
