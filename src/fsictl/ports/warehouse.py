"""How every warehouse must behave: tables with natural keys, read by time range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fsictl.ports.messenger import Channel

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
