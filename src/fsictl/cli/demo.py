"""``fsictl demo``: the whole system on this machine, from nothing, as the processes that anybody can start."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from fsictl.cli import times
from fsictl.cli.command import command
from fsictl.cli.demonstration import Demonstration
from fsictl.cli.session import Session
from fsictl.errors import PreconditionError, UsageError


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

    Prices are simulated, or real ones with --replay. Everything stays in .fsictl/ for later looks.
    """
    length = times.duration(duration) if duration is not None else None
    publish = _price_command(session, replay, layout, symbol, timezone, speed, times.duration(history))
    _prepare(session, fresh=fresh)
    demonstration = Demonstration(session, publish, replayed=bool(replay), length=length)
    with demonstration.running():
        demonstration.open_page(port or 0, browser=not no_browser)
        demonstration.bring_up()
        demonstration.watch()
    demonstration.sum_up()


def _price_command(
    session: Session,
    replay: list[Path] | None,
    layout: str,
    symbol: str | None,
    timezone: str | None,
    speed: str,
    history: float,
) -> list[str]:
    """The command line that publishes the demo's prices; wrong files are refused before anything starts."""
    if not replay:
        if times.speed(speed) != 1.0:
            message = "--speed is for a replay, the simulated market runs in real time"
            raise UsageError(message, hint="Give --replay FILE, or leave --speed away.")
        return session.command("generate", "--start", f"-{history:.0f}s", "--json")
    from fsictl.cli.generate import replayed

    for file in replay:
        next(replayed([file], layout=layout, symbol=symbol, timezone=timezone))
    arguments = [part for file in replay for part in ("--replay", str(file.absolute()))]
    for flag, value in (("--symbol", symbol), ("--timezone", timezone)):
        arguments += [flag, value] if value is not None else []
    return session.command("generate", *arguments, "--format", layout, "--speed", speed, "--json")


def _prepare(session: Session, *, fresh: bool) -> None:
    session.check_settings()
    running = (
        [one.name for one in session.local_engine.status() if one.pid is not None] if session.root.is_dir() else []
    )
    if running:
        message = f"{', '.join(running)} already run in {session.workspace}"
        raise PreconditionError(message, hint="End them with `fsictl stream stop`, or use another --workspace.")
    if fresh and session.root.is_dir():
        shutil.rmtree(session.root)
    if session.root.is_dir() and session.messenger.end("prices"):
        message = f"{session.root} already holds prices, and the demo's would come late behind them"
        hint = "Start from nothing with --fresh, or go on with `fsictl stream start` and `fsictl generate`."
        raise PreconditionError(message, hint=hint)
    session.make_workspace()
