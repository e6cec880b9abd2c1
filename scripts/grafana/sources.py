"""Where a panel's data comes from: BigQuery in the cloud, the page's own API on one machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from grafana_foundation_sdk.builders import bigquery, googlecloudmonitoring
from grafana_foundation_sdk.cog import builder as cogbuilder
from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import bigquery as bigquery_models
from grafana_foundation_sdk.models import common
from scripts.grafana import sql

from fsictl.dashboard.views import LATEST, SERIES

Target = cogbuilder.Builder[variants.Dataquery]


class Source(Protocol):
    """Gives the targets of panels; the fields that come back have the names of the view's columns."""

    name: str
    kind: str
    """The type of Grafana's data source plugin."""

    def series(self, view: str, fields: Sequence[str], *, symbol: str = "symbol") -> list[Target]:
        """These columns of a series, in steps of Grafana's interval."""
        ...

    def latest(self, view: str) -> list[Target]:
        """A table of the newest rows."""
        ...

    def pairs(self) -> list[Target]:
        """Every symbol's newest row, with its verdict."""
        ...


class BigQuery:
    """Tables in BigQuery, through the plugin grafana-bigquery-datasource."""

    name = "bigquery"
    kind = "grafana-bigquery-datasource"

    def series(self, view: str, fields: Sequence[str], *, symbol: str = "symbol") -> list[Target]:
        """These columns of a series; BigQuery bills for the columns that are read."""
        text = sql.series(SERIES[view], fields, symbol)
        return [self.target(view, text, bigquery_models.QueryFormat.TIMESERIES)]

    def latest(self, view: str) -> list[Target]:
        """A table of the newest rows."""
        return [self.target(view, sql.latest(LATEST[view]))]

    def pairs(self) -> list[Target]:
        """Every symbol's newest row, with its verdict."""
        return [self.target("pairs", sql.pairs())]

    def target(
        self, ref: str, text: str, form: bigquery_models.QueryFormat = bigquery_models.QueryFormat.TABLE
    ) -> Target:
        """One query."""
        return (
            bigquery.Dataquery()
            .ref_id(ref)
            .raw_query(True)
            .raw_sql(text)
            .format(form)
            .editor_mode(bigquery_models.EditorMode.CODE)
            .datasource(common.DataSourceRef(type_val=self.kind, uid="${datasource}"))
        )


class InfinityQuery(variants.Dataquery):
    """A query of the Infinity plugin, for which the SDK has no type: JSON from an address, rows as objects."""

    def __init__(self, ref: str, path: str, parameters: dict[str, str], columns: dict[str, tuple[str, str]]) -> None:
        self.ref_id = ref
        self.path = path
        self.parameters = parameters
        self.columns = columns

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        return {
            "refId": self.ref_id,
            "datasource": {"type": Local.kind, "uid": "${datasource}"},
            "type": "json",
            "source": "url",
            "parser": "backend",
            "format": "table",
            "url": self.path,
            "url_options": {
                "method": "GET",
                "data": "",
                "params": [{"key": key, "value": value} for key, value in self.parameters.items()],
            },
            "root_selector": "",
            "columns": [
                {"selector": selector, "text": name, "type": kind} for name, (selector, kind) in self.columns.items()
            ],
        }


class _Built(cogbuilder.Builder[variants.Dataquery]):
    def __init__(self, query: InfinityQuery) -> None:
        self._query = query

    def build(self) -> variants.Dataquery:
        return self._query


class Local:
    """The page's API (``fsictl dashboard``), through the plugin yesoreyeram-infinity-datasource."""

    name = "local"
    kind = "yesoreyeram-infinity-datasource"

    def series(self, view: str, fields: Sequence[str], *, symbol: str = "symbol") -> list[Target]:
        """These columns of a series."""
        defined = SERIES[view]
        parameters = {"from": "${__from}", "to": "${__to}", "step": "${__interval_ms}"}
        if defined.of_symbol:
            parameters = {"symbol": f"${{{symbol}}}"} | parameters
        if view == "verdicts":
            parameters["threshold"] = "${threshold}"
        columns = {"time": ("time", "timestamp_epoch")} | {name: (name, "number") for name in fields}
        return [self.target(view, f"/api/views/{view}", parameters, columns)]

    def latest(self, view: str) -> list[Target]:
        """A table of the newest rows."""
        numbers = {"windows", "seconds"}
        columns = {"time": ("time", "timestamp_epoch")} | {
            name: (name, "number" if name in numbers else "string") for name, _ in LATEST[view].columns
        }
        return [self.target(view, f"/api/views/{view}", {}, columns)]

    def pairs(self) -> list[Target]:
        """Every symbol's newest row, with its verdict."""
        columns = {
            "symbol": ("symbol", "string"),
            "time": ("time", "timestamp_epoch_s"),
            "price": ("price", "number"),
            "rsi": ("rsi", "number"),
            "unreliable": ("verdict.unreliable", "string"),
        }
        return [self.target("pairs", "/api/symbols", {}, columns)]

    def status(self, fields: dict[str, tuple[str, str]]) -> list[Target]:
        """Fields of the page's status, as (selector, kind)."""
        return [self.target("status", "/api/status", {}, fields)]

    def target(self, ref: str, path: str, parameters: dict[str, str], columns: dict[str, tuple[str, str]]) -> Target:
        """One query."""
        return _Built(InfinityQuery(ref, path, parameters, columns))


def monitoring(ref: str, metric: str, filters: Sequence[str], *, aligner: str, reducer: str, by: str) -> Target:
    """A metric of Google Cloud Monitoring, through the data source that Grafana has built in."""
    listed = [f"metric.type={metric}", *filters]
    parts: list[str] = []
    for part in listed:
        key, _, value = part.partition("=")
        parts += (["AND"] if parts else []) + [key, "=", value]
    chosen = (
        googlecloudmonitoring.TimeSeriesList()
        .project_name("")  # the data source's own
        .filters(parts)
        .per_series_aligner(aligner)
        .cross_series_reducer(reducer)
        .alignment_period("cloud-monitoring-auto")
        .group_bys([by])
        .view("FULL")
    )
    return (
        googlecloudmonitoring.CloudMonitoringQuery()
        .ref_id(ref)
        .query_type("timeSeriesList")
        .time_series_list(chosen)
        .alias_by(f"{{{{{by}}}}}")
        .datasource(common.DataSourceRef(type_val="stackdriver", uid="${monitoring}"))
    )
