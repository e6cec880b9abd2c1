"""``fsictl stream``: the pipelines sink, metrics and infer in the background."""

from __future__ import annotations

from typing import Annotated

import typer

from fsictl.cli import pipelines
from fsictl.cli.command import command, group
from fsictl.cli.output import time_text
from fsictl.cli.session import Session
from fsictl.errors import PreconditionError, StorageError, UsageError

app = group("stream", "Run the streaming pipelines (sink, metrics, infer) in the background.")

_OTHERS = ("generate", "dashboard", "workloads")  # what a demo runs beside the pipelines, and the worker

Only = Annotated[
    list[str] | None, typer.Option("--only", metavar="NAME", help="Just this pipeline; may be given more than once.")
]


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


def _chosen(session: Session, only: list[str] | None) -> list[str]:
    for name in only or ():
        if name not in pipelines.NAMES:
            message = f"there is no pipeline {name}"
            raise UsageError(message, hint=f"The pipelines are {', '.join(pipelines.NAMES)}.")
    without_sink = session.is_cloud and session.settings.gcp.sink == "subscription"
    if without_sink and only and "sink" in only:
        message = "sink is no pipeline here: gcp.sink is subscription, so Pub/Sub writes the tables itself"
        raise UsageError(message, hint="Leave it away, or set gcp.sink to dataflow.")
    names = [name for name in pipelines.NAMES if not (without_sink and name == "sink")]
    return [name for name in names if not only or name in only]


@command(app, "start")
def start(
    session: Session,
    only: Only = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Run one pipeline (--only NAME) here, until Ctrl-C.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="gcp: replace running jobs in place; they keep their state.")
    ] = False,
    snapshot: Annotated[
        str | None,
        typer.Option("--snapshot", metavar="ID", help="gcp: begin one pipeline with the state of a snapshot."),
    ] = None,
) -> None:
    """Start the pipelines; they are restarted when they crash."""
    names = _chosen(session, only)
    if foreground:
        if len(names) != 1:
            message = "in the foreground runs one pipeline"
            raise UsageError(message, hint="Say which: --foreground --only metrics.")
        pipelines.run_in_foreground(session, names[0])
        return
    session.check_settings()
    if session.is_cloud or update or snapshot:
        session.dataflow.start(names, update=update, snapshot=snapshot)
        session.output.say(f"Running on Dataflow: {', '.join(names)}. See [bold]fsictl stream status[/bold].")
    else:
        session.make_workspace()
        session.local_engine.start(names)
        session.output.say(f"Running: {', '.join(names)}. See [bold]fsictl status --watch[/bold].")
    session.output.document({"started": names})


@command(app, "stop")
def stop(
    session: Session,
    only: Only = None,
    drain: Annotated[
        bool, typer.Option("--drain", help="First finish everything that is waiting; gcp does so in any case.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="gcp: stop at once instead, without its state.")] = False,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Longest draining of one pipeline, seconds; local 60, gcp 1800.", show_default=False
        ),
    ] = None,
) -> None:
    """Stop the pipelines; what they have not finished is done when they start again."""
    _need_place(session)
    if drain and cancel:
        message = "--drain and --cancel are opposites"
        raise UsageError(message, hint="Give one of them.")
    drain = drain or (session.is_cloud and not cancel)
    timeout = (1800.0 if session.is_cloud else 60.0) if timeout is None else timeout
    stopped = session.engine.stop(_chosen(session, only), drain=drain, timeout=timeout)
    session.output.say(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")
    session.output.document({"stopped": stopped})


def _need_place(session: Session) -> None:
    if not session.is_cloud:
        session.need_workspace()


@command(app, "snapshot")
def snapshot(
    session: Session,
    name: Annotated[str, typer.Argument(help="metrics or infer.")],
    days: Annotated[int, typer.Option(min=1, max=30, help="Days that the snapshot is kept.")] = 7,
) -> None:
    """Keep the state of a running Dataflow job, to begin with it later (gcp)."""
    (chosen,) = _chosen(session, [name])
    taken = session.dataflow.snapshot(chosen, days=days)
    again = f"fsictl stream start --only {chosen} --snapshot {taken}"
    session.output.say(f"Snapshot {taken} is ready. Begin with it: [bold]{again}[/bold].")
    session.output.document({"pipeline": chosen, "snapshot": taken})


@command(app, "status")
def status(session: Session) -> None:
    """Show every pipeline: what it does, what waits for it, what it said last."""
    _need_place(session)
    rows: list[dict[str, object]] = []
    for one in session.engine.status():
        detail = one.detail
        try:
            progress = None if session.is_cloud else session.progress(one.name)
        except StorageError as error:  # a damaged file is no reason to hide who runs
            progress, detail = None, detail or str(error)
        row: dict[str, object] = {
            "pipeline": one.name,
            "state": one.state.value,
            "pid": one.pid,
            "restarts": one.restarts,
            "since": time_text(one.since_ms),
            "waiting": sum(progress.backlog.values()) if progress is not None else None,
            "counters": dict(progress.counters) if progress is not None else {},
            "detail": detail,
        }
        rows.append(row)
    columns = {"pipeline": "pipeline", "state": "state", "pid": "pid", "restarts": "restarts", "since": "since (UTC)"}
    session.output.rows(
        rows,
        {**columns, "waiting": "messages waiting", "detail": "last words"},
        empty="Nothing was ever started here. Start with `fsictl stream start`.",
    )


@command(app, "logs")
def logs(
    session: Session,
    name: Annotated[str, typer.Argument(help="sink, metrics or infer; workloads; generate or dashboard of a demo.")],
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=100_000, help="How many of the last lines.")] = 50,
) -> None:
    """Show what a pipeline said last."""
    _need_place(session)
    if name not in (*pipelines.NAMES, *_OTHERS):
        message = f"there is no process {name}"
        raise UsageError(message, hint=f"There are logs of {', '.join((*pipelines.NAMES, *_OTHERS))}.")
    said = session.engine.logs(name, lines)
    if not said:
        message = f"{name} has said nothing yet"
        starter = {"workloads": "fsictl orchestrator start"}.get(name, "fsictl demo")
        starter = starter if name in _OTHERS else "fsictl stream start"
        raise PreconditionError(message, hint=f"It is started by `{starter}`.")
    if session.output.as_json:
        session.output.document(said)
    else:
        typer.echo("\n".join(said))
