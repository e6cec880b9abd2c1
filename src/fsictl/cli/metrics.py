"""``fsictl metrics``: the pipeline alone, a recomputation, a look at the newest rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli import pipelines, times
from fsictl.cli.command import command, group
from fsictl.cli.output import counted, time_text
from fsictl.cli.rejects import write_rejects
from fsictl.cli.session import Session
from fsictl.errors import NotEnoughDataError, PreconditionError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from fsictl.records.message import Reject
    from fsictl.records.ticks import Ticks

app = group("metrics", "Compute and show bars, averages, deviations, RSI and Bollinger bands.")

Window = Annotated[int | None, typer.Option("--window", help="Rolling window, seconds.")]
RsiWindow = Annotated[int | None, typer.Option("--rsi-window", help="Seconds of the RSI, at most the window.")]
MaxGap = Annotated[int | None, typer.Option("--max-gap", help="Seconds without a tick that are filled.")]


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


def _set_parameters(session: Session, window: int | None, rsi_window: int | None, max_gap: int | None) -> None:
    session.set("metrics.window", window, "--window")
    session.set("metrics.rsi_window", rsi_window, "--rsi-window")
    session.set("metrics.max_gap", max_gap, "--max-gap")


@command(app, "run")
def run(
    session: Session,
    window: Window = None,
    rsi_window: RsiWindow = None,
    max_gap: MaxGap = None,
    lateness: Annotated[
        float | None, typer.Option("--allowed-lateness", help="How long a second waits for late ticks, seconds.")
    ] = None,
) -> None:
    """Run the metrics pipeline alone, here, until Ctrl-C."""
    _set_parameters(session, window, rsi_window, max_gap)
    session.set("metrics.allowed_lateness", lateness, "--allowed-lateness")
    pipelines.run_in_foreground(session, "metrics")


@command(app, "backfill")
def backfill(
    session: Session,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prices as .csv, .jsonl or .parquet; stored ones without it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write .csv, .jsonl or .parquet; the table metrics without it.")
    ] = None,
    layout: Annotated[
        str, typer.Option("--format", help="Layout: auto, histdata, truefx, csv, jsonl or parquet.")
    ] = "auto",
    symbol: Annotated[str | None, typer.Option(help="Only this symbol; or that of a file that does not say.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Clock of the file.")] = None,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="First event time of stored prices.")] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Event time before which stored prices end.")] = None,
    window: Window = None,
    rsi_window: RsiWindow = None,
    max_gap: MaxGap = None,
) -> None:
    """Recompute metrics from a file or from stored prices, into a file or into the table metrics.

    Prices are sorted by event time first, so nothing is late.
    """
    _set_parameters(session, window, rsi_window, max_gap)
    parameters = pipelines.metrics_parameters(session)
    rejects: list[Reject] = []
    if prices is not None:
        if start is not None or end is not None:
            message = "--start and --end choose stored prices, a file is read whole"
            raise UsageError(message, hint="Leave them away, or leave --prices away.")
        if out is not None and out.resolve() == prices.resolve():
            message = f"{out} is the file of the prices"
            raise UsageError(message, hint="Write to another file with --out.")
        ticks, rejects = _of_file(prices, layout, symbol, timezone)
    else:
        ticks = _of_table(session, symbol, start, end)
    tables = _tables(ticks, parameters)
    kept: str | None = None
    if out is not None:
        from fsictl.records.arrow import arrow_schema
        from fsictl.records.files import write_rows
        from fsictl.records.schemas import METRICS

        rows = write_rows(out, arrow_schema(METRICS), tables)
        if rejects:
            kept = f"kept in {write_rejects(out, rejects)}"
    else:
        rows = _into_table(session, tables, rejects)
        kept = "see `fsictl dead-letter list`" if rejects else None
    said = f"{counted(rows, 'row')} of metrics from {counted(len(ticks), 'tick')}, in {out or 'the table metrics'}."
    if kept is not None:
        said += f" {counted(len(rejects), 'line')} could not be used: {kept}."
    session.output.say(said)
    session.output.document(
        {"ticks": len(ticks), "rows": rows, "rejects": len(rejects), "out": str(out) if out is not None else None}
    )


def _of_file(file: Path, layout: str, symbol: str | None, timezone: str | None) -> tuple[Ticks, list[Reject]]:
    from fsictl.prices.replay import read_all_prices

    return read_all_prices(file, format=layout, symbol=symbol, timezone=timezone)


def _of_table(session: Session, symbol: str | None, start: str | None, end: str | None) -> Ticks:
    from fsictl.records.arrow import ticks_of_table

    session.need_workspace()
    now = session.clock.now_ms()
    table = session.warehouse.read(
        "prices",
        symbols=[symbol] if symbol is not None else None,
        start=times.moment(start, now) if start is not None else None,
        end=times.moment(end, now) if end is not None else None,
    )
    if not table.num_rows:
        message = "there are no stored prices" + (f" of {symbol}" if symbol is not None else "")
        raise NotEnoughDataError(message, hint="Publish some with `fsictl generate` while `fsictl stream start` runs.")
    return ticks_of_table(table)


def _tables(ticks: Ticks, parameters: Any) -> Iterator[pa.Table]:
    from fsictl.metrics.backfill import backfill as compute
    from fsictl.metrics.rows import table_of_block

    for block in compute(ticks, parameters):
        yield table_of_block(block)


def _into_table(session: Session, tables: Iterator[pa.Table], rejects: list[Reject]) -> int:
    from fsictl.streams.pipeline import dead_letters

    if not session.is_cloud:
        session.make_workspace()
    rows = 0
    for table in tables:
        session.warehouse.write("metrics", table)
        rows += table.num_rows
    if rejects:
        session.messenger.publish(dead_letters(rejects, session.clock.now_ms()))
    return rows


_SHOWN = {
    "LAST": "price",
    "DATA_POINT_COUNT": "ticks",
    "SIMPLE_MOVING_AVERAGE": "SMA",
    "EXPONENTIAL_MOVING_AVERAGE": "EMA",
    "STANDARD_DEVIATION": "std",
    "LOG_RTN": "log return",
    "RELATIVE_STRENGTH_INDICATOR": "RSI",
    "BB_BOTTOM_BAND_SMA": "lower band",
    "BB_UPPER_BAND_SMA": "upper band",
    "GAP_FILLED": "filled",
}

_WIDE = 125
"""Characters of a line that all of them take; a narrower terminal does without some."""

_FOR_THE_WIDE = {"LOG_RTN", "EXPONENTIAL_MOVING_AVERAGE", "BB_BOTTOM_BAND_SMA", "BB_UPPER_BAND_SMA"}


@command(app, "show")
def show(
    session: Session,
    symbol: Annotated[str, typer.Argument(help="Which symbol, as EURUSD.")],
    rows: Annotated[int, typer.Option("--rows", "-n", min=1, max=1_000_000, help="How many of the last rows.")] = 20,
) -> None:
    """Show the newest metrics rows of a symbol; all columns with --json."""
    session.need_workspace()
    table = session.warehouse.read("metrics", symbols=[symbol], newest=rows)
    if not table.num_rows:
        known = [extent.symbol for extent in session.warehouse.extents("metrics")]
        message = f"there are no metrics of {symbol}"
        hint = (
            f"There are some of {', '.join(known)}." if known else "Start `fsictl stream start` and `fsictl generate`."
        )
        raise PreconditionError(message, hint=hint)
    found = table.to_pylist()
    if session.output.as_json:
        session.output.document(found)
        return
    for row in found:
        row["time"] = time_text(row["timestamp"])
    wide = session.output.width >= _WIDE
    shown = {name: heading for name, heading in _SHOWN.items() if wide or name not in _FOR_THE_WIDE}
    session.output.rows(found, {"time": "second (UTC)", **shown}, title=f"{symbol}, 1 s bars")
