"""``fsictl status``: one table of everything that runs, its lag, the model, the alerts."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli.command import command
from fsictl.cli.output import number_text, time_text
from fsictl.cli.pipelines import NAMES
from fsictl.cli.session import Session
from fsictl.errors import FsictlError
from fsictl.model.aliases import CHAMPION, BySymbol, named
from fsictl.records.schemas import METRICS_TOPIC, RECONERR_TOPIC

if TYPE_CHECKING:
    from rich.console import Group

_STATE_STYLE = {
    "running": "green",
    "starting": "yellow",
    "restarting": "yellow",
    "failed": "bold red",
    "stopped": "dim",
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
    if not watch:
        found = overview(session)
        if session.output.as_json:
            session.output.document(found)
        else:
            session.output.console.print(rendered(found))
        return
    if session.output.as_json or not sys.stdout.isatty():
        while True:
            session.output.lines([overview(session)])
            session.clock.sleep(interval)
    from rich.live import Live

    with Live(rendered(overview(session)), console=session.output.console, screen=True, auto_refresh=False) as live:
        while True:
            session.clock.sleep(interval)
            live.update(rendered(overview(session)), refresh=True)


def overview(session: Session) -> dict[str, Any]:
    """Everything that ``status`` shows, as plain values."""
    running = {one.name: one for one in session.engine.status()}
    pipelines = []
    for name in NAMES:
        progress, one = session.progress(name), running.get(name)
        pipelines.append(
            {
                "pipeline": name,
                "state": one.state.value if one is not None else "stopped",
                "restarts": one.restarts if one is not None else 0,
                "waiting": sum(progress.backlog.values()) if progress is not None else 0,
                "committed_ms": progress.committed_ms if progress is not None else None,
                "counters": dict(progress.counters) if progress is not None else {},
                "detail": one.detail if one is not None else "",
            }
        )
    newest = session.warehouse.read("metrics", newest=len(session.settings.prices.symbols)).to_pylist()
    verdicts = session.warehouse.read("reconerr", newest=120).to_pylist()
    now = session.clock.now_ms()
    champions = named(session.artifacts, CHAMPION)
    return {
        "workspace": str(session.workspace),
        "at": now,
        "pipelines": pipelines,
        "dead_letters": session.messenger.end("dead-letter"),
        "newest": max((row["timestamp"] for row in newest), default=None),
        "model": champions.shared,
        "models_by_symbol": dict(champions.own),
        "model_warnings": _model_warnings(session, champions),
        "latency_ms": _latency(session),
        "bytes": session.messenger.sizes(),
        "bytes_free": shutil.disk_usage(session.root).free,
        "symbols": _symbols(newest, verdicts, champions),
    }


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


def _symbols(
    newest: list[dict[str, Any]], verdicts: list[dict[str, Any]], champions: BySymbol[str]
) -> list[dict[str, Any]]:
    own = [
        row for row in verdicts if row["model_version"] in {champions.of(row["symbol"]), ""}
    ]  # not what is scored in shadow
    judged = {(row["symbol"], row["timestamp"]): row for row in own}
    latest = {row["symbol"]: row for row in sorted(newest, key=lambda row: int(row["timestamp"]))}
    rows = []
    for symbol, row in sorted(latest.items()):
        verdict = judged.get((symbol, row["timestamp"]))
        rows.append(
            {
                "symbol": symbol,
                "timestamp": row["timestamp"],
                "price": row["LAST"],
                "sma": row["SIMPLE_MOVING_AVERAGE"],
                "rsi": row["RELATIVE_STRENGTH_INDICATOR"],
                "filled": row["GAP_FILLED"],
                "side": verdict["side"] if verdict is not None else None,
                "unreliable": verdict["unreliable"] if verdict is not None else None,
                "reason": verdict["reason"] if verdict is not None else None,
            }
        )
    return rows


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


def rendered(found: dict[str, Any]) -> Group:
    """The overview as tables for a terminal."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    pipelines = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Pipelines", title_justify="left")
    for heading in ("pipeline", "state", "waiting", "restarts", "so far", "last words"):
        pipelines.add_column(heading, justify="right" if heading in {"waiting", "restarts"} else "left")
    for one in found["pipelines"]:
        done = ", ".join(f"{key} {value:,}" for key, value in one["counters"].items() if value and key != "event_time")
        state = Text(one["state"], style=_STATE_STYLE[one["state"]])
        pipelines.add_row(
            one["pipeline"], state, f"{one['waiting']:,}", str(one["restarts"]), done, Text(one["detail"])
        )
    prices = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Newest second of each symbol", title_justify="left")
    for heading in ("symbol", "second (UTC)", "price", "SMA", "RSI", "verdict"):
        prices.add_column(heading, justify="right" if heading in {"price", "SMA", "RSI"} else "left")
    for row in found["symbols"]:
        price = f"{number_text(row['price'])}{' (filled)' if row['filled'] else ''}"
        seen = (row["symbol"], time_text(row["timestamp"]), price, number_text(row["sma"]), number_text(row["rsi"], 3))
        prices.add_row(*seen, _verdict(row))
    late = None if found["newest"] is None else (found["at"] - found["newest"]) / 1000
    age = "no metrics yet" if late is None else f"newest metrics {time_text(found['newest'])} UTC"
    if late is not None and 0 <= late < 3600:
        age += f", {late:.1f} s ago"
    own = len(found["models_by_symbol"])
    model = f"{found['model'] or 'none yet'}" + (f" and {own} of single symbols" if own else "")
    head = Text(f"{found['workspace']} · model {model} · {age}")
    head.append(f" · {found['dead_letters']:,} dead letters", style="yellow" if found["dead_letters"] else "dim")
    warnings = [Text(f"model: {warning}", style="yellow") for warning in found["model_warnings"]]
    return Group(head, *warnings, _machine(found), "", pipelines, prices)


def _machine(found: dict[str, Any]) -> Any:
    """One line about speed and disk."""
    from rich.text import Text

    parts = [
        f"{topic} p50 {one['p50']} ms, p99 {one['p99']} ms"
        for topic, one in found["latency_ms"].items()
        if one is not None
    ]
    waits = f"after a second closes: {'; '.join(parts)} · " if parts else ""
    sizes = ", ".join(f"{name} {_megabytes(size)}" for name, size in found["bytes"].items() if size)
    return Text(f"{waits}on disk: {sizes or 'nothing'}; {found['bytes_free'] / 1e9:,.1f} GB free", style="dim")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _verdict(row: dict[str, Any]) -> Any:
    from rich.text import Text

    if row["side"] is None:
        return Text("")
    if row["unreliable"] is None:
        return Text(f"{row['side']}, no verdict: {row['reason']}", style="dim")
    if row["unreliable"]:
        return Text(f"{row['side']}, unreliable{': ' + row['reason'] if row['reason'] else ''}", style="bold red")
    return Text(row["side"], style="yellow" if row["side"] == "overbought" else "blue")
