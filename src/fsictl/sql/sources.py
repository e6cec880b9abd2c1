"""The rows that the models need of a run date, as Parquet files that DuckDB reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from fsictl.ports.warehouse import Extent, Warehouse
from fsictl.records.schemas import TABLES
from fsictl.sql.run_dates import bounds_ms

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 200_000
"""About how many rows are in memory at once while a table is written."""


@dataclass(frozen=True, slots=True)
class Source:
    """Which rows and columns of a table the models read.

    All columns without ``columns``. ``history``: everything up to the end of the run date, not its rows alone.
    ``ahead``: how much of the next day belongs to it, ms.
    """

    table: str
    columns: tuple[str, ...] | None = None
    history: bool = False
    ahead: int = 0


SOURCES = {
    source.table: source
    for source in (
        Source("prices"),
        Source(
            "metrics",
            ("symbol", "timestamp", "LAST", "RELATIVE_STRENGTH_INDICATOR", "GAP_FILLED"),
            ahead=600_000,  # what follows the last signals of the day; the longest horizon is 300 s
        ),
        Source("reconerr"),
        Source("transactions", history=True),
    )
}
"""Every table that the models read, as ``models/staging/sources.yml`` lists them."""


def export_sources(warehouse: Warehouse, folder: Path, run_date: date, tables: Iterable[str]) -> dict[str, int]:
    """Write the rows of these tables that ``run_date`` needs to ``folder/TABLE/rows.parquet``; returns how many each.

    What an earlier run date left is gone. A table without rows is an empty file, so that the models find its columns.
    """
    import pyarrow as pa

    from fsictl.records.arrow import arrow_schema
    from fsictl.records.files import write_rows

    written = {}
    for name in tables:
        source = SOURCES[name]
        whole = arrow_schema(TABLES[name])
        columns = source.columns or tuple(whole.names)
        schema = pa.schema([whole.field(column) for column in columns])
        place = folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, mode=0o700)
        written[name] = write_rows(place / "rows.parquet", schema, _parts(warehouse, source, run_date, columns))
    return written


def _parts(warehouse: Warehouse, source: Source, run_date: date, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    start, end = bounds_ms(run_date)
    for extent in warehouse.extents(source.table):
        for first, after in stretches(extent, 0 if source.history else start, end + source.ahead):
            yield warehouse.read(source.table, symbols=[extent.symbol], start=first, end=after, columns=columns)


def stretches(extent: Extent, start: int, end: int, most: int = ROWS_AT_ONCE) -> Iterator[tuple[int, int]]:
    """Stretches of time from ``start`` to before ``end`` with about ``most`` rows each, if rows lie evenly.

    >>> list(stretches(Extent("A", rows=100, first=0, last=999), 0, 500, most=25))
    [(0, 250), (250, 500)]
    """
    start, end = max(start, extent.first), min(end, extent.last + 1)
    length = max(1, (extent.last + 1 - extent.first) * most // max(1, extent.rows))
    for first in range(start, end, length):
        yield first, min(first + length, end)
