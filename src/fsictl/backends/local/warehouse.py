"""Tables in a file of this machine."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fsictl.backends.local import log
from fsictl.backends.local.channel import LocalChannel
from fsictl.backends.local.database import Database, storage_errors
from fsictl.backends.local.layout import Layout
from fsictl.backends.local.messenger import DEFAULT_POLL
from fsictl.backends.local.policy import KEEP_EVERYTHING, Policy
from fsictl.clock import Clock
from fsictl.ports.warehouse import Extent, check_count, chosen_columns, schema_of

if TYPE_CHECKING:
    import pyarrow as pa


class LocalWarehouse:
    """A :class:`~fsictl.ports.warehouse.Warehouse` on SQLite: the file ``warehouse.db`` of the workspace ``root``.

    Reading creates nothing: before the first write every table is there and empty. ``poll`` is the sink's
    wait between two looks for new messages, in seconds.
    """

    def __init__(
        self, root: Path, clock: Clock, *, poll: float = DEFAULT_POLL, policy: Policy = KEEP_EVERYTHING
    ) -> None:
        self._layout = Layout(root)
        self._clock = clock
        self._poll = poll
        self._policy = policy
        self._output: Database | None = None
        self._writing = threading.Lock()

    def write(self, table: str, rows: pa.Table) -> None:
        """Write rows of that table in one transaction; waits while the sink or another program writes."""
        with self._writing:
            if self._output is not None and self._output.is_replaced():
                self._output.close()
                self._output = None
            if self._output is None:
                self._output = Database.for_writing(self._layout.warehouse, _tables(), self._policy.synchronous)
                _complete(self._output)
            with self._output.transaction():
                _write(self._output, {table: rows})

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
        from fsictl.backends.local.tables import read_rows

        schema = schema_of(table)
        chosen = chosen_columns(schema, columns)
        check_count(newest)
        with self._reader() as file, file.snapshot():
            return read_rows(file, schema, symbols=symbols, start=start, end=end, columns=chosen, newest=newest)

    def extents(self, table: str) -> list[Extent]:
        """Per symbol, how much the table holds, at a cost that does not grow with the number of rows."""
        from fsictl.backends.local.tables import extents

        schema = schema_of(table)
        with self._reader() as file, file.snapshot():
            return extents(file, schema)

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        """One read-only statement of SQLite's SQL; columns are typed by what they hold, Booleans as declared."""
        from fsictl.backends.local.query import run_query

        check_count(limit)
        with self._reader() as file, storage_errors(file.path):
            return run_query(file, sql, limit)

    def sink(self, pipeline: str, inputs: Sequence[str]) -> LocalChannel:
        """The channel of the pipeline that writes tables; offsets and counters are kept beside them."""
        return LocalChannel(
            self._layout,
            pipeline,
            inputs,
            self._layout.warehouse,
            _tables(),
            clock=self._clock,
            poll=self._poll,
            write_rows=_write,
            policy=self._policy,
        )

    def _reader(self) -> Database:
        return Database.for_reading(self._layout.warehouse) or Database.in_memory(_tables())

    def close(self) -> None:
        """Close the file that was written to."""
        with self._writing:
            if self._output is not None:
                self._output.close()
                self._output = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _tables() -> str:
    from fsictl.backends.local.tables import tables_sql

    return log.TABLES + tables_sql()


def _complete(database: Database) -> None:
    """Add the tables and columns that a file lacks which an earlier fsictl made."""
    from fsictl.backends.local.tables import complete_tables, is_complete

    if not is_complete(database):
        with database.transaction():
            complete_tables(database)


def _write(database: Database, rows: Mapping[str, pa.Table]) -> None:
    from fsictl.backends.local.tables import write_rows

    for table, part in rows.items():
        write_rows(database, schema_of(table), part)
