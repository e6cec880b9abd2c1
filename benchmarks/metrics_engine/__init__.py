"""The metrics engine beside other ways to the same numbers: ``python -m benchmarks.metrics_engine``."""
