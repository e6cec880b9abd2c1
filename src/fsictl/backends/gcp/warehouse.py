"""Tables in a dataset of BigQuery."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from google.cloud import bigquery

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.pubsub import PubSubMessenger
from fsictl.backends.gcp.queries import extents_sql, read_sql, run_query
from fsictl.backends.gcp.schemas import WRITTEN, views_dataset
from fsictl.errors import InputError, ServiceError
from fsictl.ports.messenger import Channel
from fsictl.ports.warehouse import Extent
from fsictl.records.arrow import arrow_schema, empty_table
from fsictl.records.conform import conform, has_symbols
from fsictl.records.schemas import TABLES, Kind, Schema

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

ROWS_AT_ONCE = 500
"""Rows of one request; BigQuery advises no more."""

_US = 1000


class BigQueryWarehouse:
    """A :class:`~fsictl.ports.warehouse.Warehouse` in BigQuery.

    Rows are only appended, and read through what shows each key once: a row of a key that is there already is hidden
    by the new one. A write of more than :data:`ROWS_AT_ONCE` rows is several requests: when it fails in the middle
    some rows are there, and writing all of them again changes nothing. ``most_bytes`` is the most that one query may
    read; a query that would read more is refused by BigQuery, and costs nothing.
    """

    def __init__(
        self, access: Access, client: Client, dataset: str, messenger: PubSubMessenger, *, most_bytes: int | None = None
    ) -> None:
        self._access, self._client, self._dataset, self._messenger = access, client, dataset, messenger
        self._most_bytes = most_bytes
        self._written = 0

    def write(self, table: str, rows: pa.Table) -> None:
        """Append rows of that table; of two rows with one key the later one counts."""
        schema = _schema(table)
        rows = conform(schema, rows)
        place = f"{self._access.project}.{self._dataset}.{table}"
        names = [*schema.names, WRITTEN.name]
        for part in _parts(rows):
            columns = [*(_values(part.column(field.name), field.kind) for field in schema.fields), self._stamps(part)]
            documents = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
            self._insert(place, documents)

    def _insert(self, place: str, documents: Sequence[Mapping[str, Any]]) -> None:
        def insert() -> Any:
            return self._client.insert_rows_json(place, documents, row_ids=[None] * len(documents), retry=None)

        refused = self._access.call(insert, f"write to {place}")
        if refused:
            first = refused[0]["errors"][0]
            what = f"{first.get('location') or 'a row'}: {first.get('message') or first.get('reason')}"
            message = f"BigQuery's table {place} does not take our rows: {what}"
            raise InputError(message, hint="Its columns must be those of this version: fsictl infra up changes them.")

    def _stamps(self, rows: pa.Table) -> list[str]:
        """When each row was written, µs, never twice the same here: of one key the last counts."""
        first = max(self._access.clock.now_ms() * _US, self._written + 1)
        self._written = first + len(rows)
        return [str(first + number) for number in range(len(rows))]

    def read(
        self,
        table: str,
        *,
        symbols: Sequence[str] | None = None,
        start: int | None = None,
        end: int | None = None,
        columns: Sequence[str] | None = None,
        newest: int | None = None,
    ) -> pa.Table:
        """Rows with ``start <= timestamp < end``, sorted by the natural key; see the port."""
        schema = _schema(table)
        chosen = list(schema.names if columns is None else columns)
        unknown = [name for name in chosen if name not in schema.names]
        if unknown or not chosen:
            message = f"the table {table} has no column {unknown[0]!r}" if unknown else "no column was asked for"
            raise InputError(message, hint=f"The columns of {table} are {', '.join(schema.names)}.")
        _check_count(newest)
        if newest == 0 or (symbols is not None and not symbols):
            return empty_table(schema).select(chosen)
        needed = list(dict.fromkeys([*schema.key, *chosen]))
        place = f"{self._access.project}.{self._dataset}.{table}"
        sql, parameters = read_sql(schema, place, needed, symbols=symbols, start=start, end=end, newest=newest)
        found = _of_bigquery(schema, self._ask(sql, parameters, f"read {place}"))
        return found.sort_by([(name, "ascending") for name in schema.key]).select(chosen)

    def extents(self, table: str) -> list[Extent]:
        """Per symbol, how much the table holds. BigQuery reads the key of every row for it."""
        schema = _schema(table)
        if not has_symbols(schema):
            return []
        place = f"{self._access.project}.{self._dataset}.{table}"
        rows = self._ask(extents_sql(schema, place), [], f"measure {place}").to_pylist()
        return [Extent(row["symbol"], row["n"], row["first"], row["last"]) for row in rows]

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        """One read-only statement of BigQuery's SQL; unqualified tables are the views that show each key once."""
        _check_count(limit)
        default = f"{self._access.project}.{views_dataset(self._dataset)}"
        return run_query(self._access, self._client, sql, default, limit=limit, most_bytes=self._most_bytes)

    def sink(self, pipeline: str, inputs: Sequence[str]) -> Channel:
        """The channel of the pipeline that writes tables; rows are written before their messages are acknowledged."""
        return self._messenger.open(pipeline, inputs, write_rows=self._write_all)

    def _write_all(self, rows: Mapping[str, pa.Table]) -> None:
        checked = {table: conform(_schema(table), part) for table, part in rows.items()}
        for table, part in checked.items():
            self.write(table, part)

    def _ask(self, sql: str, parameters: Sequence[Any], what: str) -> pa.Table:
        configured = bigquery.QueryJobConfig(query_parameters=list(parameters))
        if self._most_bytes is not None:
            configured.maximum_bytes_billed = self._most_bytes

        def ask() -> Any:
            job = self._client.query(sql, job_config=configured, retry=None, job_retry=None)
            return job.result(retry=None, job_retry=None).to_arrow(create_bqstorage_client=False)

        found = self._access.call(ask, what)
        if not isinstance(found, pa.Table):
            message = f"could not {what}: BigQuery gave no rows"
            raise ServiceError(message, hint="Try again.")
        return found


def _parts(rows: pa.Table) -> Iterator[pa.Table]:
    for first in range(0, len(rows), ROWS_AT_ONCE):
        yield rows.slice(first, ROWS_AT_ONCE)


def _values(column: pa.ChunkedArray, kind: Kind) -> list[Any]:
    """A column in JSON's types as BigQuery reads them: whole numbers as text, which keeps all 64 bits."""
    if kind is Kind.INTEGER:
        return [None if value is None else str(value) for value in column.to_pylist()]
    if kind is Kind.TIMESTAMP:
        return pc.strftime(column.cast(pa.timestamp("ms")), format="%Y-%m-%dT%H:%M:%SZ").to_pylist()  # type: ignore[no-any-return]
    if kind is Kind.FLOAT:
        return [_number(value) for value in column.to_pylist()]
    return column.to_pylist()  # type: ignore[no-any-return]


def _number(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _of_bigquery(schema: Schema, found: pa.Table) -> pa.Table:
    """BigQuery's columns as ours: times as milliseconds."""
    wanted = arrow_schema(schema)
    columns = []
    for name in found.column_names:
        column = found.column(name)
        if schema.field(name).kind is Kind.TIMESTAMP:
            column = pc.divide(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), pa.scalar(_US, pa.int64()))
        columns.append(column.cast(wanted.field(name).type))
    return pa.Table.from_arrays(columns, schema=pa.schema([wanted.field(name) for name in found.column_names]))


def _check_count(rows: int | None) -> None:
    if rows is not None and rows < 0:
        message = f"{rows} is not a number of rows"
        raise InputError(message, hint="Ask for zero rows or more.")


def _schema(table: str) -> Schema:
    if table not in TABLES:
        message = f"there is no table {table!r}"
        raise InputError(message, hint=f"The tables are {', '.join(TABLES)}.")
    return TABLES[table]
