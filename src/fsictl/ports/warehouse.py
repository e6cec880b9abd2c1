"""How every warehouse must behave: tables with natural keys, read by time range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fsictl.errors import InputError
from fsictl.ports.messenger import Channel
from fsictl.records.schemas import TABLES, Schema

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Extent:
    """What a table holds of one symbol: number of rows, first and last timestamp in ms."""

    symbol: str
    rows: int
    first: int
    last: int


class Warehouse(Protocol):
    """The tables of :data:`fsictl.records.schemas.TABLES`.

    Writing a row whose natural key is there already replaces it, so that writing twice changes nothing.
    Readers never wait for the writer and see whole commits only. Disk and permission problems raise
    ``StorageError``, outside services ``ServiceError``.
    """

    def write(self, table: str, rows: pa.Table) -> None:
        """Write rows of that table's schema in one transaction."""
        ...

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
        """Rows with ``start <= timestamp < end`` (ms), sorted by the natural key.

        ``newest`` keeps only that many rows with the largest timestamps (still sorted by key). For tables
        whose time column is not ``timestamp`` (``training_runs``: ``at``) that column is meant.
        """
        ...

    def extents(self, table: str) -> list[Extent]:
        """Per symbol, how much the table holds, sorted by symbol; empty for tables without symbols."""
        ...

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        """Any read-only SQL of the store's dialect; ``InputError`` for SQL that it refuses or that would write."""
        ...

    def sink(self, pipeline: str, inputs: Sequence[str]) -> Channel:
        """The channel of the pipeline that writes topics to tables; its commits take ``rows`` and dead letters."""
        ...


def schema_of(table: str) -> Schema:
    """The schema of a table by its name; ``InputError`` when there is none of that name.

    >>> schema_of("metrics").key
    ('symbol', 'timestamp')
    """
    if table not in TABLES:
        message = f"there is no table {table!r}"
        raise InputError(message, hint=f"The tables are {', '.join(TABLES)}.")
    return TABLES[table]


def chosen_columns(schema: Schema, columns: Sequence[str] | None) -> list[str]:
    """The columns that are asked for, all without a choice; ``InputError`` for none, or one that is not there.

    >>> chosen_columns(schema_of("prices"), ["value"])
    ['value']
    """
    chosen = list(schema.names if columns is None else columns)
    unknown = [name for name in chosen if name not in schema.names]
    if unknown or not chosen:
        message = f"the table {schema.name} has no column {unknown[0]!r}" if unknown else "no column was asked for"
        raise InputError(message, hint=f"The columns of {schema.name} are {', '.join(schema.names)}.")
    return chosen


def check_count(rows: int | None) -> None:
    """Raise ``InputError`` for a number of rows below zero."""
    if rows is not None and rows < 0:
        message = f"{rows} is not a number of rows"
        raise InputError(message, hint="Ask for zero rows or more.")
