"""``fsictl generate``: prices to the topic, or to a file; simulated, or from files of real ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsictl.cli import times
from fsictl.cli.command import command
from fsictl.cli.output import counted, time_text
from fsictl.cli.session import Session
from fsictl.errors import UsageError
from fsictl.records.schemas import PRICES_TOPIC

if TYPE_CHECKING:
    from fsictl.cli.pipelines import SignalStop
    from fsictl.prices.pace import Pace
    from fsictl.prices.publish import Block, Published
    from fsictl.records.message import Reject
    from fsictl.records.ticks import Ticks

_LOOK_FOR_ROOM_EVERY = 0.5


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "generate")(generate)


def generate(
    session: Session,
    symbols: Annotated[str | None, typer.Option(help="Pairs to simulate, with commas between.")] = None,
    hz: Annotated[float | None, typer.Option(help="Simulated ticks per second and pair.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulation.")] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="First event time: ISO-8601, or -2h for two hours ago.")
    ] = None,
    duration: Annotated[str | None, typer.Option(metavar="TIME", help="Event time to cover, as 90s, 15m, 2h.")] = None,
    replay: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Replay real prices; may be given more than once.")
    ] = None,
    layout: Annotated[
        str, typer.Option("--format", help="Layout: auto, histdata, truefx, csv, jsonl or parquet.")
    ] = "auto",
    symbol: Annotated[str | None, typer.Option(help="Symbol of the replayed prices, if the file does not say.")] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Clock of the files: Europe/London, UTC-5, …")
    ] = None,
    speed: Annotated[str, typer.Option(help="1 is real time, 60 is faster, max is as fast as possible.")] = "1",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write .csv, .jsonl or .parquet instead of publishing.")
    ] = None,
    open_end: Annotated[
        bool, typer.Option("--open-end", help="More prices will follow: leave the last second open.")
    ] = False,
    clients: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Simulate this many trading clients instead of prices.")
    ] = None,
    transactions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Load clients' transactions (.csv, .jsonl, .parquet) instead of prices."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where an earlier run of the very same prices ended or was killed.")
    ] = False,
) -> None:
    """Publish prices to the topic prices: simulated ones, or files of real ones.

    Simulated prices that start in the past are caught up at once and then follow the clock. Clients' transactions,
    simulated or loaded, go to the table transactions; the same ones again change nothing.
    """
    session.set("prices.symbols", symbols, "--symbols")
    session.set("prices.hz", hz, "--hz")
    session.set("prices.seed", seed, "--seed")
    length = times.duration(duration) if duration is not None else None
    if clients is not None or transactions:
        from fsictl.cli.clients import load_transactions, simulate

        _only(clients, transactions, replay, out)
        if clients is not None:
            simulate(session, clients, start, length)
        else:
            load_transactions(session, transactions or [])
        return
    factor = times.speed(speed)
    if replay:
        if start is not None:
            message = "--start is for simulated prices, a replay has its own event times"
            raise UsageError(message, hint="Leave --start away.")
        for flag, given in {"--symbols": symbols, "--hz": hz, "--seed": seed}.items():
            if given is not None:
                message = f"{flag} is for simulated prices, a replay has its own"
                raise UsageError(message, hint=f"Leave {flag} away.")
        source = replayed(replay, layout=layout, symbol=symbol, timezone=timezone)
    else:
        if length is None and (factor is None or out is not None):
            message = "simulated prices have no end"
            raise UsageError(message, hint="Say how many: --duration 1h.")
        source = ((ticks, ()) for ticks in _simulated(session, start, length, live=factor == 1.0 and out is None))
    if out is not None:
        _write(session, source, out, length)
        return
    live = not replay and factor == 1.0
    if resume and not replay and (start is None or start.startswith("-") or start == "now"):
        message = "simulated prices that begin now are never the same"
        raise UsageError(message, hint="Resume a replay, or give the same --start as a date.")
    named = bool(replay) or start is not None
    name = source_name(session, replay or [], layout, symbol, timezone, start=start) if named else None
    _publish(
        session,
        source,
        _pace(session, factor, live=live),
        length,
        ended=not live and not open_end,
        name=name,
        resume=resume,
    )


def _only(*asked: object) -> None:
    """Refuse two sources at once."""
    if sum(bool(one) for one in asked) > 1:
        message = "--clients, --transactions, --replay and --out do not go together"
        raise UsageError(
            message, hint="Give one of them; `fsictl export transactions` writes what clients did to a file."
        )


def replayed(
    files: list[Path], *, layout: str = "auto", symbol: str | None = None, timezone: str | None = None
) -> Iterator[Block]:
    """The prices of the files, one after the other, as one source; the first is opened at once."""
    from fsictl.prices.replay import read_prices

    first = iter(read_prices(files[0], format=layout, symbol=symbol, timezone=timezone))
    head = next(first, None)  # what is wrong with the first file is said before anything is published
    rest = chain.from_iterable(read_prices(file, format=layout, symbol=symbol, timezone=timezone) for file in files[1:])
    return chain([] if head is None else [head], first, rest)


def _simulated(session: Session, start: str | None, length: float | None, *, live: bool) -> Iterator[Ticks]:
    from fsictl.prices.pairs import pair_of
    from fsictl.prices.simulate import simulate

    prices, now = session.settings.prices, session.clock.now_ms()
    with session.checking("prices.symbols"):
        for symbol in prices.symbols:
            pair_of(symbol)
    start_ms = times.moment(start, now) if start is not None else now
    if not 0 <= start_ms <= times.MAX_MS - 1000 * (length or 0.0):
        message = "the prices would not lie between the years 1970 and 9999"
        raise UsageError(message, hint="Choose another --start, or a shorter --duration.")
    return simulate(
        prices.symbols,
        hz=prices.hz,
        seed=prices.seed,
        start_ms=start_ms // 1000 * 1000,
        duration=length,
        block_seconds=1.0 if live and start is None else 60.0,
    )


def _pace(session: Session, factor: float | None, *, live: bool) -> Pace:
    from fsictl.prices.pace import AtOnce, Live, Replay

    if factor is None:
        return AtOnce()
    return Live(session.clock) if live else Replay(session.clock, factor)


def source_name(
    session: Session,
    files: list[Path],
    layout: str,
    symbol: str | None,
    timezone: str | None,
    *,
    start: str | None = None,
) -> str:
    """The same for the same source of prices: these files, or simulated prices from that start on."""
    prices = session.settings.prices
    told: list[object] = [str(file.absolute()) for file in files] if files else [start, *prices.symbols]
    parts: list[object] = [*told, layout, symbol, timezone, prices.seed, prices.hz]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def published_before(session: Session, name: str) -> int:
    """How many ticks of that source are in the topic."""
    from fsictl.prices.publish import POSITION, SOURCE
    from fsictl.records.json_ticks import integer_of

    newest = session.messenger.newest_with(PRICES_TOPIC, SOURCE, name)
    return 0 if newest is None else integer_of(newest.attributes.get(POSITION)) or 0


def _publish(
    session: Session,
    source: Iterator[Block],
    pace: Pace,
    length: float | None,
    *,
    ended: bool,
    name: str | None,
    resume: bool,
) -> None:
    from fsictl.cli.pipelines import SignalStop
    from fsictl.prices.publish import publish
    from fsictl.records.encoding import encode_end_of_input

    prices = session.settings.prices
    stop = SignalStop(session.environment)
    if not session.is_cloud:
        session.make_workspace()
    with session.output.progress("publishing", length) as bar:
        first: int | None = None

        def show(so_far: Published) -> None:
            nonlocal first
            if so_far.event_ms is not None:
                first = so_far.event_ms if first is None else first
                bar.at((so_far.event_ms - first) / 1000, note=f"{so_far.ticks:,} ticks")

        sent = publish(
            source,
            session.messenger,
            clock=session.clock,
            pace=pace,
            batch=prices.batch,
            linger=prices.linger,
            duration=length,
            should_stop=lambda: stop.asked,
            on_progress=show,
            wait_for_room=_room(session, stop),
            name=name,
            done=published_before(session, name) if resume and name is not None else 0,
            on_refusal=lambda error: session.output.say(f"{error}. {error.hint} What follows waits until then."),
        )
    if ended and not stop.asked and sent.event_ms is not None:
        session.messenger.publish([(PRICES_TOPIC, encode_end_of_input(sent.event_ms))])
    what = f"{counted(sent.ticks, 'tick')} in {counted(sent.messages, 'message')}"
    said = f"Published {what}, up to {time_text(sent.event_ms)} UTC."
    if sent.rejects:
        said += f" {counted(sent.rejects, 'line')} could not be used: see `fsictl dead-letter list`."
    session.output.say(said)
    session.output.document(
        {"ticks": sent.ticks, "messages": sent.messages, "rejects": sent.rejects, "event_time": sent.event_ms}
    )
    if stop.interrupted and (ended or length is not None):  # what was asked for has an end, and was not done
        raise KeyboardInterrupt


def _room(session: Session, stop: SignalStop) -> Callable[[], None]:
    """Waits while a running pipeline has too much before it, so that the disk does not take the whole source."""
    clock, most, look_at = session.clock, session.settings.stream.most_waiting, 0.0

    def wait() -> None:
        nonlocal look_at
        if clock.monotonic() < look_at:
            return
        while not stop.asked and session.messenger.waiting(PRICES_TOPIC) > most:
            clock.sleep(_LOOK_FOR_ROOM_EVERY)
        look_at = clock.monotonic() + _LOOK_FOR_ROOM_EVERY

    return wait


def _write(session: Session, source: Iterator[Block], out: Path, length: float | None) -> None:
    from fsictl.prices.files import write_prices

    rejects: list[Reject] = []

    def ticks() -> Iterator[Ticks]:
        end: float | None = None
        for block, bad in source:
            rejects.extend(bad)
            if len(block) and length is not None and end is None:
                end = int(block.timestamp[0]) + length * 1000
            yield block if end is None else block.take(block.timestamp < end)

    written = write_prices(out, ticks())
    said = f"Wrote {counted(written, 'tick')} to {out}."
    if rejects:
        from fsictl.cli.rejects import write_rejects

        kept = write_rejects(out, rejects)
        said += f" {counted(len(rejects), 'line')} could not be used: kept in {kept}."
    session.output.say(said)
    session.output.document({"ticks": written, "rejects": len(rejects), "file": str(out)})
