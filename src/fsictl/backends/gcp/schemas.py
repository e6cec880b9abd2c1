"""Our schemas in BigQuery's words: columns, partitions, clustering, and the views that show each row once.

Needs no Google library, so that Terraform's JSON files are made from it as well.

Writers only ever append. The column :data:`WRITTEN` says when a row was written, and a view of the table's name in a
dataset beside it shows the last one of every natural key. See docs/decisions/0011-bigquery-is-appended-to.md.
"""

from __future__ import annotations

from typing import Any

from fsictl.records.schemas import Field, Kind, Schema

WRITTEN = Field(
    "written_us", Kind.INTEGER, "when the row was written, µs since the epoch; of one key the last counts", True
)
"""The column that BigQuery's tables have beside those of the schema; a writer may leave it empty."""

_TYPES = {
    Kind.TEXT: "STRING",
    Kind.INTEGER: "INTEGER",
    Kind.FLOAT: "FLOAT",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIMESTAMP: "TIMESTAMP",
}


def columns(schema: Schema) -> list[dict[str, str]]:
    """The columns as BigQuery's JSON schema has them, which Terraform's ``schema`` takes too.

    >>> from fsictl.records.schemas import PRICES
    >>> columns(PRICES)[0]["name"], columns(PRICES)[-1]["name"]
    ('symbol', 'written_us')
    """
    return [
        {
            "name": field.name,
            "type": _TYPES[field.kind],
            "mode": "NULLABLE" if field.nullable else "REQUIRED",
            "description": field.meaning,
        }
        for field in (*schema.fields, WRITTEN)
    ]


def partition(schema: Schema) -> str | None:
    """The column by whose day (UTC) a table is cut; the tables without symbols are too small to be cut.

    >>> from fsictl.records.schemas import METRICS, PROMOTIONS
    >>> partition(METRICS), partition(PROMOTIONS)
    ('timestamp', None)
    """
    return "timestamp" if "timestamp" in schema.key else None


def clustering(schema: Schema) -> tuple[str, ...]:
    """The columns by which a partition is sorted."""
    return ("symbol",) if schema.key[0] == "symbol" else ()


def table_resource(schema: Schema) -> dict[str, Any]:
    """What BigQuery's REST interface takes to make the table, but for its place.

    >>> from fsictl.records.schemas import METRICS
    >>> table_resource(METRICS)["clustering"]
    {'fields': ['symbol']}
    """
    found: dict[str, Any] = {"description": schema.meaning, "schema": {"fields": columns(schema)}}
    day, sorted_by = partition(schema), clustering(schema)
    if day is not None:
        found["timePartitioning"] = {"type": "DAY", "field": day}
    if sorted_by:
        found["clustering"] = {"fields": list(sorted_by)}
    return found


def views_dataset(dataset: str) -> str:
    """The dataset of the views: its tables have the same names, and each key once.

    >>> views_dataset("forex")
    'forex_current'
    """
    return f"{dataset}_current"


def latest_rows(schema: Schema, table: str, where: str = "TRUE") -> str:
    """SQL for the rows of ``table`` (its quoted name) that meet a condition on key columns, each key once."""
    names = ", ".join(f"`{name}`" for name in schema.names)
    key = ", ".join(f"`{name}`" for name in schema.key)
    # A condition on the key may stand inside: all rows of one key meet it or none does.
    return (
        f"SELECT {names} FROM {table} WHERE {where} "  # noqa: S608 - names of our own schema
        f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY `{WRITTEN.name}` DESC NULLS LAST) = 1"
    )


def view_sql(schema: Schema, project: str, dataset: str) -> str:
    """The query of the table's view.

    >>> from fsictl.records.schemas import TRAINING_RUNS
    >>> view_sql(TRAINING_RUNS, "p", "forex").partition(" QUALIFY ")[2]
    'ROW_NUMBER() OVER (PARTITION BY `run_id` ORDER BY `written_us` DESC NULLS LAST) = 1'
    """
    return latest_rows(schema, f"`{project}.{dataset}.{schema.name}`")
