"""Makes the Grafana dashboards under templates/grafana: ``python -m scripts.grafana``."""
