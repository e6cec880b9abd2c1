"""``fsictl export``: a table as a file, for everything that is not here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsictl.cli import times
from fsictl.cli.command import command
from fsictl.cli.output import counted
from fsictl.cli.session import Session
from fsictl.errors import UsageError
from fsictl.records.schemas import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

    from fsictl.ports.warehouse import Warehouse

_SLICE_MS = 6 * 3_600_000
_LONGEST_STEP_MS = 32 * 24 * 3_600_000


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "export")(export)


def export(
    session: Session,
    table: Annotated[str, typer.Argument(help="prices, metrics, reconerr or training_runs.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Write .parquet, .csv or .jsonl.")],
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="First event time, or -2h.")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Event time before which rows end.")] = None,
) -> None:
    """Write a table to a file, sorted by symbol and timestamp."""
    from fsictl.records.arrow import arrow_schema
    from fsictl.records.files import write_rows

    session.need_workspace()
    if table not in TABLES:
        message = f"there is no table {table}"
        raise UsageError(message, hint=f"The tables are {', '.join(TABLES)}.")
    now = session.clock.now_ms()
    since = times.moment(start, now) if start is not None else None
    until = times.moment(end, now) if end is not None else None
    rows = write_rows(out, arrow_schema(TABLES[table]), _slices(session, table, symbol, since, until))
    session.output.say(f"Wrote {counted(rows, 'row')} of {table} to {out}.")
    session.output.document({"table": table, "rows": rows, "file": str(out)})


def _slices(
    session: Session, table: str, symbol: str | None, since: int | None, until: int | None
) -> Iterator[pa.Table]:
    """The rows in parts that fit into memory, in the order of the table's key."""
    if "symbol" not in TABLES[table].names:
        yield session.warehouse.read(table, start=since, end=until)
        return
    for extent in session.warehouse.extents(table):
        if symbol not in {None, extent.symbol}:
            continue
        first = extent.first if since is None else max(since, extent.first)
        after = extent.last + 1 if until is None else min(until, extent.last + 1)
        yield from _parts(session.warehouse, table, extent.symbol, first, after)


def _parts(warehouse: Warehouse, table: str, symbol: str, first: int, after: int) -> Iterator[pa.Table]:
    """The rows of a symbol slice by slice. Where there are none for long, longer and longer steps look for the next."""
    import pyarrow.compute as pc

    from fsictl.records.conform import time_column

    start, length = first, _SLICE_MS
    time = time_column(TABLES[table])
    while start < after:
        end = min(start + length, after)
        if length > _SLICE_MS:
            times = warehouse.read(table, symbols=[symbol], start=start, end=end, columns=[time])
            if times.num_rows:
                start, length = pc.min(times[time]).as_py(), _SLICE_MS
            else:
                start, length = end, min(2 * length, _LONGEST_STEP_MS)
            continue
        rows = warehouse.read(table, symbols=[symbol], start=start, end=end)
        if rows.num_rows:
            yield rows
        start, length = end, _SLICE_MS if rows.num_rows else 2 * _SLICE_MS
