"""Questions to BigQuery: SQL with parameters, and what may be asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from google.cloud import bigquery

from fsictl.backends.gcp.control import Access, CloudRefusedError
from fsictl.backends.gcp.schemas import latest_rows
from fsictl.errors import InputError
from fsictl.records.conform import time_column
from fsictl.records.schemas import Schema

if TYPE_CHECKING:
    from google.cloud.bigquery import Client


def read_sql(
    schema: Schema,
    place: str,
    columns: Sequence[str],
    *,
    symbols: Sequence[str] | None,
    start: int | None,
    end: int | None,
    newest: int | None,
) -> tuple[str, list[Any]]:
    """The question for rows of a table, each key once, with its parameters.

    Conditions on columns of the key stand inside, where they spare reading partitions; others outside, since an older
    row of a key must not show when the newer one does not meet them.
    """
    time = time_column(schema)
    inside: list[str] = []
    outside: list[str] = []
    parameters: list[Any] = []
    if symbols is not None:
        (inside if "symbol" in schema.key else outside).append("`symbol` IN UNNEST(@symbols)")
        parameters.append(bigquery.ArrayQueryParameter("symbols", "STRING", list(symbols)))
    for name, value, sign in (("start", start, ">="), ("end", end, "<")):
        if value is not None:
            (inside if time in schema.key else outside).append(f"`{time}` {sign} TIMESTAMP_MILLIS(@{name})")
            parameters.append(bigquery.ScalarQueryParameter(name, "INT64", value))
    names = ", ".join(f"`{name}`" for name in columns)
    rows = latest_rows(schema, f"`{place}`", " AND ".join(inside) or "TRUE")
    sql = f"SELECT {names} FROM ({rows}) WHERE {' AND '.join(outside) or 'TRUE'}"  # noqa: S608 - names of our own schema
    if newest is not None:
        order = ", ".join(f"`{name}` DESC" for name in dict.fromkeys([time, *schema.key]))
        sql += f" ORDER BY {order} LIMIT {int(newest)}"
    return sql, parameters


def extents_sql(schema: Schema, place: str) -> str:
    """The question for how much a table holds of each symbol."""
    time, keys = f"`{time_column(schema)}`", ", ".join(f"`{name}`" for name in schema.key)
    return (
        f"SELECT `symbol`, COUNT(*) AS n, UNIX_MILLIS(MIN({time})) AS `first`, UNIX_MILLIS(MAX({time})) AS `last` "  # noqa: S608 - names of our own schema
        f"FROM (SELECT DISTINCT {keys} FROM `{place}`) GROUP BY `symbol` ORDER BY `symbol`"
    )


def run_query(
    access: Access, client: Client, sql: str, default: str, *, limit: int | None = None, most_bytes: int | None = None
) -> pa.Table:
    """The rows of one ``SELECT``; ``InputError`` for SQL that BigQuery refuses, or that is anything else."""
    settings: dict[str, Any] = {"default_dataset": default, "use_legacy_sql": False}
    dry = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False, **settings)
    real = bigquery.QueryJobConfig(**settings)
    if most_bytes is not None:
        real.maximum_bytes_billed = most_bytes
    try:
        kind = access.call(lambda: client.query(sql, job_config=dry, retry=None).statement_type, "ask BigQuery")
        if kind not in {None, "SELECT"}:
            message = f"this is no question but a {kind} statement"
            raise InputError(message, hint="Only one SELECT can be asked.")

        def ask() -> Any:
            rows = client.query(sql, job_config=real, retry=None, job_retry=None).result(
                max_results=limit or None, retry=None, job_retry=None
            )
            return rows.to_arrow(create_bqstorage_client=False)

        found: pa.Table = access.call(ask, "ask BigQuery")
    except CloudRefusedError as error:
        message = str(error).removeprefix("could not ask BigQuery: ").removeprefix("Google Cloud refuses: ")
        raise InputError(message, hint="Correct the SQL; tables without a dataset are ours, each key once.") from error
    return found.slice(0, 0) if limit == 0 else found
