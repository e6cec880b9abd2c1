"""Tables in a dataset of BigQuery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.inserts import insert_rows, load_rows, to_be_loaded
from fsictl.backends.gcp.queries import extents_sql, fetch, newest_sql, read_sql, run_query
from fsictl.backends.gcp.schemas import views_dataset
from fsictl.backends.gcp.tables import check_table
from fsictl.errors import PreconditionError
from fsictl.ports.messenger import Channel
from fsictl.ports.warehouse import Extent, check_count, chosen_columns, schema_of
from fsictl.records.arrow import arrow_schema, empty_table
from fsictl.records.conform import conform, has_symbols, time_column
from fsictl.records.schemas import Schema

if TYPE_CHECKING:
    from google.cloud.bigquery import Client
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient

_US = 1000
_DAY_MS = 86_400_000


OpenSink = Callable[..., Channel]
"""Opens a channel of (pipeline, inputs) whose rows go to ``write_rows``: a messenger's ``open``."""


class BigQueryWarehouse:
    """A :class:`~fsictl.ports.warehouse.Warehouse` in BigQuery.

    Rows are only appended, and read through what shows each key once: a row of a key that is there already is hidden
    by the new one. A write of many rows, or of old ones, is a load job, which is there as a whole; others are streamed
    some hundred rows at a time: when that fails in the middle some rows are there, and writing all of them again
    changes nothing. ``most_bytes`` is the most that one query may read; one that would read more is refused by
    BigQuery, and costs nothing. ``reader`` makes what fetches large results; ``open_sink`` is needed by :meth:`sink`.
    """

    def __init__(
        self,
        access: Access,
        client: Client,
        dataset: str,
        *,
        open_sink: OpenSink | None = None,
        reader: Callable[[], BigQueryReadClient] | None = None,
        most_bytes: int | None = None,
    ) -> None:
        self._access, self._client, self._dataset, self._open_sink = access, client, dataset, open_sink
        self._reader, self._most_bytes = reader, most_bytes
        self._written = 0
        self._checked: set[str] = set()

    def write(self, table: str, rows: pa.Table) -> None:
        """Append rows of that table; of two rows with one key the later one counts."""
        schema = schema_of(table)
        self._append(schema, conform(schema, rows))

    def _append(self, schema: Schema, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        place = self._place(schema)
        first = max(self._access.clock.now_ms() * _US, self._written + 1)  # of one key the last counts
        self._written = first + rows.num_rows - 1
        write = load_rows if to_be_loaded(schema, rows, self._access.clock.now_ms()) else insert_rows
        write(self._access, self._client, place, schema, rows, first_us=first)

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
        schema = schema_of(table)
        chosen = chosen_columns(schema, columns)
        check_count(newest)
        if newest == 0 or (symbols is not None and not symbols):
            return empty_table(schema).select(chosen)
        place = self._place(schema)
        needed = list(dict.fromkeys([*schema.key, *chosen]))
        found: pa.Table | None = None
        if newest is not None and start is None and time_column(schema) in schema.key:
            # Rows without a beginning are all rows, and BigQuery reads and bills them: try the last day first.
            last = self._newest(schema, place, symbols, end)
            if last is None:
                return empty_table(schema).select(chosen)
            found = self._ask(schema, place, needed, symbols=symbols, start=last - _DAY_MS, end=end, newest=newest)
        if found is None or (newest is not None and start is None and found.num_rows < newest):
            found = self._ask(schema, place, needed, symbols=symbols, start=start, end=end, newest=newest)
        return found.sort_by([(name, "ascending") for name in schema.key]).select(chosen)

    def _newest(self, schema: Schema, place: str, symbols: Sequence[str] | None, end: int | None) -> int | None:
        sql, parameters = newest_sql(schema, place, symbols=symbols, end=end)
        found: int | None = self._fetch(sql, parameters, f"read {place}").column(0)[0].as_py()
        return found

    def _ask(self, schema: Schema, place: str, columns: Sequence[str], **ask: Any) -> pa.Table:
        sql, parameters = read_sql(schema, place, columns, **ask)
        found = self._fetch(sql, parameters, f"read {place}")
        wanted = arrow_schema(schema)
        return found.cast(pa.schema([wanted.field(name) for name in found.column_names]))

    def extents(self, table: str) -> list[Extent]:
        """Per symbol, how much the table holds. BigQuery reads the key of every row for it."""
        schema = schema_of(table)
        if not has_symbols(schema):
            return []
        place = self._place(schema)
        rows = self._fetch(extents_sql(schema, place), [], f"measure {place}").to_pylist()
        return [Extent(row["symbol"], row["n"], row["first"], row["last"]) for row in rows]

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        """One read-only statement of BigQuery's SQL; tables without a dataset are the views that show each key once.

        Points in time come back as milliseconds since the epoch, as they are in every other table of ours.
        """
        check_count(limit)
        default = f"{self._access.project}.{views_dataset(self._dataset)}"
        return run_query(self._access, self._client, sql, default, limit=limit, most_bytes=self._most_bytes)

    def sink(self, pipeline: str, inputs: Sequence[str]) -> Channel:
        """The channel of the pipeline that writes tables; rows are written before their messages are acknowledged."""
        if self._open_sink is None:
            message = "this warehouse was opened without a messenger"
            raise PreconditionError(message, hint="Open both together to run the sink.")
        return self._open_sink(pipeline, inputs, write_rows=self._write_all)

    def _write_all(self, rows: Mapping[str, pa.Table]) -> None:
        checked = {table: conform(schema_of(table), part) for table, part in rows.items()}
        for table, part in checked.items():
            self._append(schema_of(table), part)

    def _place(self, schema: Schema) -> str:
        """The full name of a table, which was looked at once: ``PreconditionError`` when its columns are not ours."""
        place = f"{self._access.project}.{self._dataset}.{schema.name}"
        if place not in self._checked:
            check_table(self._access, self._client, place, schema)
            self._checked.add(place)
        return place

    def _fetch(self, sql: str, parameters: Sequence[Any], what: str) -> pa.Table:
        from google.cloud import bigquery

        asked = bigquery.QueryJobConfig(query_parameters=list(parameters))
        return fetch(self._access, self._client, sql, asked, what, reader=self._reader, most_bytes=self._most_bytes)
