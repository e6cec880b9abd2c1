"""``fsictl demo``: the whole system on this machine, from nothing, as the processes that anybody can start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from fsictl.cli import times
from fsictl.cli.command import command
from fsictl.cli.demo_prices import Prices
from fsictl.cli.demonstration import Demonstration
from fsictl.cli.session import Session
from fsictl.errors import PreconditionError


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "demo")(demo)


def demo(
    session: Session,
    replay: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Feed it real prices; may be given more than once.")
    ] = None,
    layout: Annotated[str, typer.Option("--format", help="Layout of the files, as for generate.")] = "auto",
    symbol: Annotated[str | None, typer.Option(help="Symbol of the replayed prices, if the file does not say.")] = None,
    timezone: Annotated[str | None, typer.Option(metavar="ZONE", help="Clock of the files.")] = None,
    speed: Annotated[str, typer.Option(help="Of a replay: 1 is real time, 60, or max.")] = "1",
    history: Annotated[str, typer.Option(metavar="TIME", help="Simulated history before now.")] = "2h",
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="End by itself after so long, but not before the first verdicts.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the page; a free one without it.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Don't open the page.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what is stored here and start from nothing.")] = False,
) -> None:
    """Run the whole system here: prices, metrics, a first model, verdicts, the live page.

    Prices are simulated, or real ones with --replay. Everything stays in .fsictl/ for later looks, and another demo
    here goes on with it.
    """
    length = times.duration(duration) if duration is not None else None
    prices = Prices(replay or [], layout, symbol, timezone, speed, times.duration(history))
    prices.check()
    _prepare(session, fresh=fresh)
    publish = prices.command(session)
    demonstration = Demonstration(session, publish, replayed=bool(replay), length=length)
    with demonstration.running():
        demonstration.open_page(port or 0, browser=not no_browser)
        demonstration.bring_up()
        demonstration.watch()
    demonstration.sum_up()


def _prepare(session: Session, *, fresh: bool) -> None:
    session.need_this_machine("the demo", instead="Leave --target away; on Google Cloud: fsictl stream start.")
    running = (
        [one.name for one in session.local_engine.status() if one.pid is not None] if session.root.is_dir() else []
    )
    if running:
        message = f"{', '.join(running)} already run in {session.workspace}"
        raise PreconditionError(message, hint="End them with `fsictl stream stop`, or use another --workspace.")
    if fresh and session.root.is_dir():
        shutil.rmtree(session.root)
    session.make_workspace()
