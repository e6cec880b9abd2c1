"""``fsictl verify``: do the engines agree?"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsictl.cli import times
from fsictl.cli.command import command, group
from fsictl.cli.options import finite
from fsictl.cli.output import counted
from fsictl.cli.session import Session
from fsictl.errors import CheckFailedError, NotEnoughDataError, PreconditionError, UsageError

if TYPE_CHECKING:
    from fsictl.records.ticks import Ticks

app = group("verify", "Prove that engines agree: the same prices, the same rows.")

PRISM = "go install github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0"

START_MS = 1_600_000_000_000
"""Where the simulated prices begin; any other time would do."""


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "parity")
def parity(
    session: Session,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prices as .csv, .jsonl or .parquet; simulated ones without it.")
    ] = None,
    layout: Annotated[
        str, typer.Option("--format", help="Layout: auto, histdata, truefx, csv, jsonl or parquet.")
    ] = "auto",
    symbol: Annotated[str | None, typer.Option(help="Symbol of the file, if it does not say.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Clock of the file.")] = None,
    duration: Annotated[str, typer.Option(metavar="TIME", help="Event time to compare, from the first price on.")] = (
        "90s"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of prices, disorder and batches.")] = 1,
    window: Annotated[int, typer.Option(help="Rolling window, seconds; short, so that it fills soon.")] = 30,
    max_gap: Annotated[int, typer.Option(help="Seconds without a tick that are filled.")] = 15,
    lateness: Annotated[
        float,
        typer.Option("--allowed-lateness", callback=finite, min=0, max=3600, help="How long a second waits, seconds."),
    ] = 2.0,
    shards: Annotated[int, typer.Option(min=1, max=4096, help="Groups of symbols in Beam.")] = 4,
    runner: Annotated[
        str, typer.Option(help="Beam's runner: direct (in this process) or prism (portable; must be on the PATH).")
    ] = "direct",
) -> None:
    """Give the same prices to the local engine and to Apache Beam, and compare what they make, bit by bit.

    The prices come in order, in other batches, shuffled within the lateness with restarts in between, and with late
    ticks. Ends with exit code 5 and the first differing row if there is one. Needs no workspace.
    """
    from fsictl.metrics.parameters import MetricsParameters
    from fsictl.parity.run import COMPARISONS, verify_parity

    binary = _prism(runner)
    parameters = MetricsParameters(window=window, max_gap=max_gap)
    ticks = _prices(prices, layout, symbol, timezone, seed=seed, duration=times.duration(duration))
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    found = []
    with session.output.progress("comparing", COMPARISONS) as bar:
        for comparison in verify_parity(
            ticks, parameters=parameters, allowed_lateness=lateness, seed=seed, shards=shards, prism=binary
        ):
            found.append(comparison)
            bar.at(len(found), note=f"{comparison.scenario}, {comparison.engine}")
    headings = {"scenario": "scenario", "engine": "against the local stream", "records": "in", "rows": "rows"}
    session.output.rows([each.as_dict() for each in found], {**headings, "late": "late", "equal": "equal"})
    unequal = next((each for each in found if not each.equal), None)
    if unequal is not None:
        message = f"{unequal.scenario}: the local stream and {unequal.engine} differ: {unequal.difference}"
        raise CheckFailedError(message, hint="Both values are given; please report it with the options you used.")
    session.output.say(f"All {counted(len(found), 'comparison')} are equal to the last bit.")


def _prism(runner: str) -> Path | None:
    if runner == "direct":
        return None
    if runner != "prism":
        message = f"{runner!r} is not a runner"
        raise UsageError(message, hint="Choose direct or prism.")
    found = shutil.which("prism")
    if found is None:
        message = "there is no program prism on the PATH"
        raise PreconditionError(message, hint=f"Build it: {PRISM}")
    return Path(found)


def _prices(
    file: Path | None, layout: str, symbol: str | None, timezone: str | None, *, seed: int, duration: float
) -> Ticks:
    if file is None:
        from fsictl.parity.scenarios import simulated_prices

        if duration < 1.0:
            message = f"{duration:g} seconds are too few to compare"
            raise UsageError(message, hint="Compare more: --duration 10m.")
        return simulated_prices(seed=seed, start_ms=START_MS, duration=duration)
    from fsictl.prices.replay import read_all_prices

    ticks, _ = read_all_prices(file, format=layout, symbol=symbol, timezone=timezone)
    ticks = ticks.take(ticks.timestamp < int(ticks.timestamp.min()) + duration * 1000)
    if len(ticks) < 2:
        message = f"{file} has no two prices in its first {duration:g} seconds"
        raise NotEnoughDataError(message, hint="Compare more of it: --duration 1h.")
    return ticks
