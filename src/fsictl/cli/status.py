"""``fsictl status``: one table of everything that runs, its lag, the model, the alerts."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli.command import command
from fsictl.cli.explain import sparkline
from fsictl.cli.output import time_text
from fsictl.cli.pipelines import NAMES
from fsictl.cli.session import Session
from fsictl.errors import FsictlError
from fsictl.model.aliases import CHAMPION, BySymbol, named
from fsictl.records.schemas import METRICS_TOPIC, RECONERR_TOPIC

if TYPE_CHECKING:
    from rich.console import Group

    from fsictl.dashboard.watch import Watch
    from fsictl.ports.engine import PipelineStatus

_STATE_STYLE = {
    "running": "green",
    "starting": "yellow",
    "restarting": "yellow",
    "failed": "bold red",
    "stopped": "dim",
    "unknown": "dim",
}


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "status")(status)


def status(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, help="Seconds between two looks.")] = 1.0,
) -> None:
    """Show what runs here, how far it is, the model and the newest prices."""
    session.need_workspace()
    looks = looks_at(session)
    if not watch:
        found = overview(session, looks)
        bill = _bill(session)
        if session.output.as_json:
            session.output.document(found if bill is None else {**found, "costs_now": bill})
        else:
            session.output.console.print(rendered(found))
            if bill is not None:
                from fsictl.cli.infra_bill import show_bill

                show_bill(session, bill)
        return
    if session.output.as_json or not sys.stdout.isatty():
        while True:
            session.output.lines([overview(session, looks)])
            session.clock.sleep(interval)
    from rich.live import Live

    console = session.output.console
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(rendered(overview(session, looks), height=console.height), refresh=True)
            session.clock.sleep(interval)


def _bill(session: Session) -> list[dict[str, object]] | None:
    """What costs money on Google Cloud now; ``None`` on this machine, or when it cannot be told, and why is said."""
    if not session.is_cloud:
        return None
    from fsictl.cli.infra_bill import bill_now, is_known_here

    if not is_known_here(session):
        session.output.say("What costs money now says [bold]fsictl infra cost --now[/bold].")
        return None
    try:
        return bill_now(session)
    except FsictlError as error:
        session.output.say(f"What costs money now is not known: {error}. {error.hint}")
        return None


def looks_at(session: Session) -> Watch:
    """What looks at the stores again and again, as the live page does."""
    from fsictl.dashboard.watch import Watch

    return Watch(session.warehouse, session.messenger, session.artifacts, session.clock)


def overview(session: Session, looks: Watch) -> dict[str, Any]:
    """Everything that ``status`` shows, as plain values; prices, verdicts and feed are what the live page is told."""
    from fsictl.dashboard.state import Limits

    looks.look()
    told, model = looks.status(), session.settings.model
    limits = Limits(model.overbought, model.oversold, model.stale_after)
    running, unknown = _running(session)
    pipelines = []
    for name in NAMES:
        progress, one = session.progress(name), running.get(name)
        pipelines.append(
            {
                "pipeline": name,
                "state": one.state.value if one is not None else "unknown" if unknown else "stopped",
                "restarts": one.restarts if one is not None else 0,
                "waiting": sum(progress.backlog.values()) if progress is not None else 0,
                "committed_ms": progress.committed_ms if progress is not None else None,
                "counters": dict(progress.counters) if progress is not None else {},
                "detail": one.detail if one is not None else unknown,
            }
        )
    newest = None if told["newest"] is None else told["newest"] * 1000 - 1
    champions = named(session.artifacts, CHAMPION)
    return {
        "workspace": _place(session),
        "at": session.clock.now_ms(),
        "feed": told["feed"],
        "lag": told["lag"],
        "ticks_per_second": told["ticks_per_second"],
        "late": told["late"],
        "alerts": told["alerts"],
        "pipelines": pipelines,
        "dead_letters": session.messenger.end("dead-letter"),
        "newest": newest,
        "model": champions.shared,
        "models_by_symbol": dict(champions.own),
        "model_warnings": _model_warnings(session, champions),
        "latency_ms": {} if session.is_cloud else _latency(session),
        "bytes": session.messenger.sizes(),
        "bytes_free": None if session.is_cloud else shutil.disk_usage(session.root).free,
        "symbols": [_symbol(row) for row in looks.rows(limits)],
    }


def _place(session: Session) -> str:
    gcp = session.settings.gcp
    return f"project {gcp.project}, dataset {gcp.dataset}" if session.is_cloud else str(session.workspace)


def _running(session: Session) -> tuple[dict[str, PipelineStatus], str]:
    """What the engine knows of each pipeline; on the cloud also why it cannot tell, and the rest is told all the same.

    An emulator has no Dataflow: there pipelines run in the foreground.
    """
    if session.is_cloud and session.cloud.access.emulated and session.cloud.access.endpoint is None:
        return {}, "there is no Dataflow beside the emulators"
    try:
        return {one.name: one for one in session.engine.status()}, ""
    except FsictlError as error:
        if not session.is_cloud:
            raise
        return {}, str(error)


_LAST_MESSAGES = 600


def _latency(session: Session) -> dict[str, dict[str, int] | None]:
    """How long after a second closes its metrics and verdicts are there, of the last messages of each topic."""
    from fsictl.streams.latency import latency_of

    found: dict[str, dict[str, int] | None] = {}
    for topic in (METRICS_TOPIC, RECONERR_TOPIC):
        after = max(0, session.messenger.end(topic) - _LAST_MESSAGES)
        last = session.messenger.read(topic, str(after), _LAST_MESSAGES)
        latency = latency_of(last, round(session.settings.metrics.allowed_lateness * 1000))
        found[topic] = None if latency is None else asdict(latency)
    return found


def _symbol(row: dict[str, Any]) -> dict[str, Any]:
    verdict = row["verdict"] or {"unreliable": None, "reason": None}
    return {
        "symbol": row["symbol"],
        "timestamp": row["time"] * 1000 - 1,
        "price": row["price"],
        "sma": row["sma"],
        "rsi": row["rsi"],
        "filled": row["gap_filled"],
        "state": row["state"],
        "unreliable": verdict["unreliable"],
        "reason": verdict["reason"],
        "trend": row["trend"],
    }


def _model_warnings(session: Session, champions: BySymbol[str]) -> list[str]:
    """What is wrong with the champions: rates that are off, a training run that is due or did not happen."""
    said = [] if champions.shared is None else _warnings_of(session, champions.shared)
    for symbol, version in sorted(champions.own.items()):
        said += [f"{symbol}: {warning}" for warning in _warnings_of(session, version, symbol)]
    return said


def _warnings_of(session: Session, version: str, symbol: str | None = None) -> list[str]:
    from fsictl.cli.models import achieved, retraining_of
    from fsictl.model.versions import load_card

    try:
        card = load_card(session.artifacts, version)
    except FsictlError as error:
        return [f"{error}. {error.hint}"]
    seen: set[tuple[str, int]] = set()
    said = []
    for one in achieved(session, version):
        again = (one.symbol, one.windows) in seen  # a day or a week of which only an hour is there
        seen.add((one.symbol, one.windows))
        if one.warning and not again and symbol in {None, one.symbol}:
            said.append(f"{'all symbols' if one.symbol == '*' else one.symbol}, last {one.period}: {one.warning}")
    advice = retraining_of(session, card)
    if advice.due_since is not None:
        train = "fsictl train --now" + ("" if symbol is None else f" --symbol {symbol}")
        said.append(f"training is {'OVERDUE' if advice.overdue else 'due'}: {advice.reason}. Run `{train}`")
    return said


_FEED_STYLE = {"live": "green", "replay": "blue", "behind": "yellow", "silent": "yellow", "error": "red"}
_STATES = {
    "overbought": ("overbought", "yellow"),
    "oversold": ("oversold", "blue"),
    "unreliable": ("UNRELIABLE", "bold red"),
    "stale": ("stale", "dim"),
    "flat": ("no move", "dim"),
    "normal": ("", ""),
}
_MOST_WARNINGS = 3
_LINES = 18
"""Lines that are needed beside the symbols'."""


def rendered(found: dict[str, Any], height: int | None = None) -> Group:
    """The overview for a terminal; of that many lines, if given."""
    from rich.console import Group
    from rich.text import Text

    is_short = height is not None and height < len(found["symbols"]) + _LINES
    warnings = [Text(f"model: {warning}", style="yellow") for warning in found["model_warnings"]]
    if is_short:
        return Group(_facts(found), _pipelines_in_a_line(found), *warnings[:1], _prices(found))
    if height is not None and len(warnings) > _MOST_WARNINGS:
        rest = len(warnings) - _MOST_WARNINGS
        warnings[_MOST_WARNINGS:] = [Text(f"model: {rest} more; see fsictl status", style="yellow")]
    return Group(_head(found), _facts(found), _machine(found), *warnings, "", _pipelines(found), _prices(found))


def _head(found: dict[str, Any]) -> Any:
    from rich.text import Text

    age = "no metrics yet" if found["newest"] is None else f"newest metrics {time_text(found['newest'])} UTC"
    own = len(found["models_by_symbol"])
    model = f"{found['model'] or 'none yet'}" + (f" and {own} of single symbols" if own else "")
    return Text(f"{found['workspace']} · model {model} · {age}")


def _facts(found: dict[str, Any]) -> Any:
    """What the page has at its top."""
    from rich.text import Text

    text = Text()
    text.append(f"● {found['feed']}", style=_FEED_STYLE.get(found["feed"], "dim"))
    if found["lag"] is not None and found["feed"] != "replay":
        text.append(f" · {found['lag']:.1f} s behind the clock")
    if found["ticks_per_second"] is not None:
        text.append(f" · {found['ticks_per_second']:,.0f} ticks/s")
    for name, count, style in (
        ("late", found["late"], "yellow"),
        ("dead letters", found["dead_letters"], "yellow"),
        ("alerts in the last hour", found["alerts"], "red"),
    ):
        text.append(" · ")
        text.append(f"{count or 0:,} {name}", style=style if count else "dim")
    return text


def _pipelines(found: dict[str, Any]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("pipeline", "state", "waiting", "restarts", "so far", "last words"):
        table.add_column(heading, justify="right" if heading in {"waiting", "restarts"} else "left")
    for one in found["pipelines"]:
        done = ", ".join(f"{key} {value:,}" for key, value in one["counters"].items() if value and key != "event_time")
        state = Text(one["state"], style=_STATE_STYLE[one["state"]])
        table.add_row(one["pipeline"], state, f"{one['waiting']:,}", str(one["restarts"]), done, Text(one["detail"]))
    return table


def _pipelines_in_a_line(found: dict[str, Any]) -> Any:
    from rich.text import Text

    text = Text()
    for one in found["pipelines"]:
        text.append(f"{one['pipeline']} ", style="dim")
        text.append(one["state"], style=_STATE_STYLE[one["state"]])
        text.append(f" {one['waiting']:,} waiting   " if one["waiting"] else "   ")
    return text


def _prices(found: dict[str, Any]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("symbol", "second (UTC)", "price", "5 min", "SMA", "RSI", "state"):
        table.add_column(heading, justify="right" if heading in {"price", "SMA", "RSI"} else "left", no_wrap=True)
    for row in found["symbols"]:
        word, style = _STATES[row["state"]]
        reason = f" by rule: {row['reason']}" if row["unreliable"] and row["reason"] else ""
        trend = row["trend"]
        rising = bool(trend) and trend[-1] >= trend[0]
        table.add_row(
            row["symbol"],
            time_text(row["timestamp"]),
            f"{'filled ' if row['filled'] else ''}{_price_text(row['price'])}",
            Text(sparkline(trend[::4]) if trend else "", style="green" if rising else "red"),
            _price_text(row["sma"]),
            "–" if row["rsi"] is None else f"{row['rsi']:.1f}",
            Text(f"{word}{reason}", style=style),
        )
    return table


def _price_text(price: float | None) -> str:
    """A price with tenths of a pip, as dealers write it.

    >>> _price_text(1.18), _price_text(109.93), _price_text(64_000.0), _price_text(0.000123), _price_text(None)
    ('1.18000', '109.930', '64000.00', '0.00012300', '–')
    """
    if price is None:
        return "–"
    digits = next((digits for least, digits in ((1000, 2), (10, 3), (0.1, 5)) if price >= least), 8)
    return f"{price:.{digits}f}"


def _machine(found: dict[str, Any]) -> Any:
    """One line about speed and disk."""
    from rich.text import Text

    parts = [
        f"{topic} p50 {one['p50']} ms, p99 {one['p99']} ms"
        for topic, one in found["latency_ms"].items()
        if one is not None
    ]
    waits = f"after a second closes: {'; '.join(parts)} · " if parts else ""
    if found["bytes_free"] is None:
        return Text(waits.removesuffix(" · "), style="dim")
    sizes = ", ".join(f"{name} {_megabytes(size)}" for name, size in found["bytes"].items() if size)
    return Text(f"{waits}on disk: {sizes or 'nothing'}; {found['bytes_free'] / 1e9:,.1f} GB free", style="dim")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
