"""``fsictl status``: one table of everything that runs, its lag, the model, the alerts."""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli.command import command
from fsictl.cli.options import finite
from fsictl.cli.pipelines import NAMES
from fsictl.cli.session import Session
from fsictl.cli.status_view import rendered
from fsictl.errors import FsictlError
from fsictl.model.aliases import CHAMPION, BySymbol, named
from fsictl.records.schemas import METRICS_TOPIC, RECONERR_TOPIC

if TYPE_CHECKING:
    from fsictl.dashboard.watch import Watch
    from fsictl.ports.engine import PipelineStatus


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "status")(status)


def status(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again and again, until Ctrl-C.")] = False,
    interval: Annotated[
        float, typer.Option(callback=finite, min=0.2, max=86_400, help="Seconds between two looks.")
    ] = 1.0,
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
    if console.is_dumb_terminal:  # it cannot be written over
        while True:
            console.print(rendered(overview(session, looks)), "")
            session.clock.sleep(interval)
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
    for name in [*NAMES, *(name for name in running if name not in NAMES)]:
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


def _orchestrator(session: Session) -> dict[str, PipelineStatus]:
    """The orchestrator, which has no keeper, while it runs."""
    from fsictl.backends.local.layout import Layout
    from fsictl.backends.local.lock import holder
    from fsictl.jobs.orchestrator import ORCHESTRATOR
    from fsictl.ports.engine import PipelineState, PipelineStatus

    held = holder(Layout(session.root).lock(ORCHESTRATOR))
    if held is None:
        return {}
    return {ORCHESTRATOR: PipelineStatus(ORCHESTRATOR, PipelineState.RUNNING, held.pid, 0, held.since_ms, "")}


def _running(session: Session) -> tuple[dict[str, PipelineStatus], str]:
    """What the engine knows of each pipeline; on the cloud also why it cannot tell, and the rest is told all the same.

    An emulator has no Dataflow: there pipelines run in the foreground.
    """
    if session.is_cloud and session.cloud.access.emulated and session.cloud.access.endpoint is None:
        return {}, "there is no Dataflow beside the emulators"
    try:
        found = {one.name: one for one in session.engine.status()}
        return found | ({} if session.is_cloud else _orchestrator(session)), ""
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
