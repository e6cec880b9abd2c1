"""Questions to BigQuery: SQL with parameters, and what may be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from fsictl.backends.gcp.control import Access, CloudRefusedError
from fsictl.backends.gcp.schemas import latest_rows
from fsictl.errors import InputError
from fsictl.records.conform import time_column
from fsictl.records.schemas import Kind, Schema

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, QueryJobConfig
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

_LARGE = 50_000
"""Rows from which a result is fetched through the Storage Read API: the other way takes about a second for as many."""

_WITHIN = 600.0


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
    """The question for rows of a table, each key once, with its parameters; times come as milliseconds.

    Conditions on columns of the key stand inside, where they spare reading partitions; others outside, since an older
    row of a key must not show when the newer one does not meet them.
    """
    time = time_column(schema)
    conditions, parameters = _conditions(schema, symbols=symbols, start=start, end=end)
    inside = [sql for name, sql in conditions if name in schema.key]
    outside = [sql for name, sql in conditions if name not in schema.key]
    names = ", ".join(_as_ours(schema, name) for name in columns)
    rows = latest_rows(schema, f"`{place}`", " AND ".join(inside) or "TRUE")
    # The columns are named anew only outside of the question whose conditions and order are about BigQuery's own.
    sql = f"SELECT * FROM ({rows}) WHERE {' AND '.join(outside) or 'TRUE'}"  # noqa: S608 - names of our own schema
    if newest is not None:
        order = ", ".join(f"`{name}` DESC" for name in dict.fromkeys([time, *schema.key]))
        sql += f" ORDER BY {order} LIMIT {int(newest)}"
    return f"SELECT {names} FROM ({sql})", parameters  # noqa: S608 - names of our own schema


def newest_sql(schema: Schema, place: str, *, symbols: Sequence[str] | None, end: int | None) -> tuple[str, list[Any]]:
    """The question for the newest time in a table, which reads one column or two; with its parameters."""
    conditions, parameters = _conditions(schema, symbols=symbols, start=None, end=end)
    where = " AND ".join(sql for _, sql in conditions) or "TRUE"
    return f"SELECT UNIX_MILLIS(MAX(`{time_column(schema)}`)) FROM `{place}` WHERE {where}", parameters  # noqa: S608


def _conditions(
    schema: Schema, *, symbols: Sequence[str] | None, start: int | None, end: int | None
) -> tuple[list[tuple[str, str]], list[Any]]:
    """What rows must meet, as (column, SQL), and the parameters in it."""
    from google.cloud import bigquery

    time = time_column(schema)
    conditions: list[tuple[str, str]] = []
    parameters: list[Any] = []
    if symbols is not None:
        conditions.append(("symbol", "`symbol` IN UNNEST(@symbols)"))
        parameters.append(bigquery.ArrayQueryParameter("symbols", "STRING", list(symbols)))
    for name, value, sign in (("start", start, ">="), ("end", end, "<")):
        if value is not None:
            conditions.append((time, f"`{time}` {sign} TIMESTAMP_MILLIS(@{name})"))
            parameters.append(bigquery.ScalarQueryParameter(name, "INT64", value))
    return conditions, parameters


def _as_ours(schema: Schema, name: str) -> str:
    return f"UNIX_MILLIS(`{name}`) AS `{name}`" if schema.field(name).kind is Kind.TIMESTAMP else f"`{name}`"


def extents_sql(schema: Schema, place: str) -> str:
    """The question for how much a table holds of each symbol."""
    time, keys = f"`{time_column(schema)}`", ", ".join(f"`{name}`" for name in schema.key)
    return (
        f"SELECT `symbol`, COUNT(*) AS n, UNIX_MILLIS(MIN({time})) AS `first`, UNIX_MILLIS(MAX({time})) AS `last` "  # noqa: S608 - names of our own schema
        f"FROM (SELECT DISTINCT {keys} FROM `{place}`) GROUP BY `symbol` ORDER BY `symbol`"
    )


def fetch(
    access: Access,
    client: Client,
    sql: str,
    asked: QueryJobConfig,
    what: str,
    *,
    limit: int | None = None,
    reader: Callable[[], BigQueryReadClient] | None = None,
    most_bytes: int | None = None,
) -> pa.Table:
    """The result of a question; ``limit`` is the most rows of it."""
    if most_bytes is not None:
        asked.maximum_bytes_billed = most_bytes

    def ask() -> Any:
        job = client.query(sql, job_config=asked, retry=None, job_retry=None, timeout=60.0)
        rows = job.result(retry=None, job_retry=None, max_results=limit, timeout=_WITHIN)
        if reader is not None and limit is None and (rows.total_rows or 0) >= _LARGE:
            return rows.to_arrow(bqstorage_client=reader())
        return rows.to_arrow(create_bqstorage_client=False)

    found: pa.Table = access.call(ask, what)
    return found


def run_query(
    access: Access, client: Client, sql: str, default: str, *, limit: int | None = None, most_bytes: int | None = None
) -> pa.Table:
    """The rows of one ``SELECT``; ``InputError`` for SQL that BigQuery refuses, or that is anything else."""
    from google.cloud import bigquery

    dry = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False, default_dataset=default)
    real = bigquery.QueryJobConfig(default_dataset=default)

    def look() -> Any:
        return client.query(sql, job_config=dry, retry=None, job_retry=None, timeout=60.0).statement_type

    try:
        _only_select(access.call(look, "ask BigQuery"))
        found = fetch(access, client, sql, real, "ask BigQuery", limit=limit or None, most_bytes=most_bytes)
    except CloudRefusedError as error:
        if getattr(error.__cause__, "code", None) not in {400, 404}:  # it is not about the SQL
            raise
        said = str(error).removeprefix("could not ask BigQuery: ").removeprefix("Google Cloud refuses: ")
        message = f"BigQuery does not take this SQL: {said}"
        raise InputError(message, hint="Correct it; tables without a dataset are ours, each key once.") from error
    return _in_milliseconds(found.slice(0, limit))


def _only_select(kind: str | None) -> None:
    if kind is None:
        message = "the SQL asks for nothing"
        raise InputError(message, hint="Begin with SELECT, as in: SELECT * FROM metrics LIMIT 5.")
    if kind == "SCRIPT":
        message = "more than one SQL statement was given"
        raise InputError(message, hint="Ask one question at a time.")
    if kind != "SELECT":
        message = f"only SQL that reads is allowed here, and this is {kind.replace('_', ' ')}"
        raise InputError(message, hint="Use SELECT; tables change through their pipelines alone.")


def _in_milliseconds(found: pa.Table) -> pa.Table:
    for number, field in enumerate(found.schema):
        if pa.types.is_timestamp(field.type):
            us = found.column(number).cast(pa.timestamp("us", field.type.tz)).cast(pa.int64())
            found = found.set_column(number, field.name, pc.divide(us, pa.scalar(1000, pa.int64())))
    return found
