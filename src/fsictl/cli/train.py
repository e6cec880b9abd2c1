"""``fsictl train``: make a model version, and look back at past runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from fsictl.cli import times
from fsictl.cli.champions import list_champion
from fsictl.cli.command import command
from fsictl.cli.interruption import held_back
from fsictl.cli.models import training_options, window_rules, window_rules_of
from fsictl.cli.output import counted, time_text
from fsictl.cli.session import Session
from fsictl.errors import CheckFailedError, FsictlError, PreconditionError, UsageError

if TYPE_CHECKING:
    from fsictl.model.train import TrainingReport

ALL_SYMBOLS = "all"


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "train")(train)


def train(
    session: Session,
    now: Annotated[bool, typer.Option("--now", help="Train on the stored metrics and make a version.")] = False,
    schedule: Annotated[
        str | None,
        typer.Option(metavar="CRON", help="Have the orchestrator train then, such as '0 * * * *'; none takes it back."),
    ] = None,
    history: Annotated[bool, typer.Option("--history", help="Show past runs, also those that made none.")] = False,
    symbol: Annotated[str, typer.Option(help="Train on this symbol, or on all.")] = ALL_SYMBOLS,
    hours: Annotated[float | None, typer.Option(help="Hours of metrics to train on.")] = None,
    window: Annotated[int | None, typer.Option(help="Rows in a window.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Use only rows before this event time; all without it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed: the same rows and seed give the same version.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps of 32 windows.")] = None,
    detector: Annotated[str | None, typer.Option(help="What scores: mahalanobis, combination or autoencoder.")] = None,
    preset: Annotated[
        str, typer.Option(help="standard, or ancestor: price levels and plain errors, the row to beat.")
    ] = "standard",
    on_cloud_run: Annotated[
        bool, typer.Option("--on-cloud-run", help="gcp: have the Cloud Run job train, and wait for it.")
    ] = False,
) -> None:
    """Train the model on stored metrics (--now), regularly (--schedule), or show past runs (--history)."""
    if now + history + (schedule is not None) != 1:
        message = "say one of --now, --schedule and --history"
        raise UsageError(
            message, hint="`fsictl train --now` makes a version, `fsictl train --history` shows past runs."
        )
    if on_cloud_run:
        given_options = {
            "--symbol": None if symbol == ALL_SYMBOLS else symbol,
            "--hours": hours,
            "--window": window,
            "--until": until,
            "--seed": seed,
            "--steps": steps,
            "--detector": detector,
            "--preset": None if preset == "standard" else preset,
        }
        _train_on_cloud_run(session, given_options, now=now)
        return
    if schedule is not None:
        session.need_workspace()
        params = {"hours": hours, "seed": seed, "steps": steps, "symbol": None if symbol == ALL_SYMBOLS else symbol}
        given = {"--window": window, "--until": until, "--detector": detector}
        given |= {"--preset": None if preset == "standard" else preset}
        wrong = next((flag for flag, value in given.items() if value is not None), None)
        if wrong is not None:
            message = f"{wrong} cannot be given with --schedule"
            raise UsageError(message, hint="Set model.window and model.detector in fsictl.toml instead.")
        _schedule(session, schedule, {name: value for name, value in params.items() if value is not None})
        return
    if history:
        session.need_workspace()
        _show_history(session)
        return
    for key, value, flag in (
        ("model.hours", hours, "--hours"),
        ("model.window", window, "--window"),
        ("model.seed", seed, "--seed"),
        ("model.steps", steps, "--steps"),
        ("model.detector", detector, "--detector"),
    ):
        session.set(key, value, flag)
    session.need_workspace()
    if detector is not None:
        from fsictl.model.making import check_detector

        check_detector(detector, preset)
    session.output.say("Training here and now, past the orchestrator.")
    until_ms = times.moment(until, session.clock.now_ms()) if until is not None else None
    chosen = None if symbol == ALL_SYMBOLS else symbol
    report = train_now(session, symbol=chosen, until=until_ms, preset=preset)
    _show_report(session, report)
    for check in report.card.gate.get("checks", ()):
        if check["name"] == "windows" and check["passed"] is None:
            session.output.say(f"It judges nothing yet: {check['said']}.")
    try:
        list_champion(session, chosen)
    except FsictlError as error:  # the version is made and scores all the same
        session.output.say(f"Vertex AI was not told: {error}. {error.hint}")
    gate = report.card.gate
    if not gate.get("passed"):
        message = f"the gate refused it: {gate.get('reason')}"
        hint = f"Train on more hours, or see `fsictl model show {report.version}` and `fsictl model promote --help`."
        raise CheckFailedError(message, hint=hint)


def _train_on_cloud_run(session: Session, options: Mapping[str, object], *, now: bool) -> None:
    """Have the Cloud Run job that Terraform made train with these options."""
    if not now:
        message = "--on-cloud-run trains once, with --now"
        raise UsageError(message, hint="Its schedule is Terraform's: the variable train_schedule.")
    if not session.is_cloud:
        message = f"the target {session.settings.target} has no Cloud Run jobs"
        raise PreconditionError(message, hint="Say where: --target gcp.")
    from fsictl.cli.cloud import run_workload

    arguments = ["train", "--now"]
    for flag, value in options.items():
        arguments += [flag, str(value)] if value is not None else []
    execution = run_workload(
        session.settings, session.environment, session.clock, "train", arguments, session.output.say
    )
    session.output.say(f"Trained by the execution {execution}. See [bold]fsictl model list[/bold].")
    session.output.document({"execution": execution})


def _schedule(session: Session, cron: str, params: dict[str, object]) -> None:
    """Add a training to the schedule of the orchestrator, or take back all that were added."""
    from fsictl.backends.local.layout import Layout
    from fsictl.backends.local.lock import holder
    from fsictl.cli.orchestrator import timetable
    from fsictl.jobs.cron import zone_of
    from fsictl.jobs.schedule import entry_of

    if cron.strip() == "none":
        gone = timetable(session).remove(lambda text: text.split()[5] == "train")
        session.output.say(f"Took {counted(len(gone), 'training')} off the schedule.")
        session.output.document({"removed": gone})
        return
    words = [cron, "train", *(f"{name}={value}" for name, value in params.items())]
    entry = entry_of(" ".join(words), zone_of(session.settings.orchestrator.time_zone))
    now = session.clock.now_ms()
    timetable(session).add(entry.text, now)
    due = entry.cron.next_after(now)
    session.output.say(f"The orchestrator trains at [bold]{cron}[/bold], next at {time_text(due)} UTC.")
    if holder(Layout(session.root).lock("orchestrator")) is None:
        session.output.say("It does not run now: start it with [bold]fsictl orchestrator start[/bold].")
    session.output.document({"entry": entry.text, "next": due})


def train_now(session: Session, *, symbol: str | None, until: int | None, preset: str) -> TrainingReport:
    """Train with the session's settings and show how far it is."""
    from fsictl.cli.workloads import labelled_prices
    from fsictl.model.train import train_version

    with session.output.progress("training", None) as bar, held_back(session.output.say) as look:

        def show(step: int, total: int, loss: float) -> None:
            bar.at(step, total, f"loss {loss:.4f}")
            look(step < total)

        return train_version(
            session.warehouse,
            session.artifacts,
            clock=session.clock,
            hours=session.settings.model.hours,
            symbol=symbol,
            until=until,
            rules=window_rules(session),
            streams=window_rules_of(session.lasting_settings),
            options=training_options(session, preset),
            requested_by="train --now",
            labelled=labelled_prices(session, symbol),
            progress=show,
        )


def _show_report(session: Session, report: TrainingReport) -> None:
    name = f"it is the {report.alias}" if report.alias else "it was stored before"
    session.output.say(
        f"Version [bold]{report.version}[/bold] from {report.windows:,} windows in {report.seconds:.0f} s; {name}."
        f" See [bold]fsictl model show {report.version}[/bold]."
    )
    gate = report.card.gate
    session.output.document(
        {
            "run_id": report.run_id,
            "model_version": report.version,
            "alias": report.alias,
            "detector": report.card.detector,
            "windows": report.windows,
            "seconds": report.seconds,
            "gate_passed": gate.get("passed"),
            "gate_reason": gate.get("reason") or None,
        }
    )


def _show_history(session: Session) -> None:
    rows = session.warehouse.read("training_runs").to_pylist()
    rows.sort(key=lambda row: row["at"], reverse=True)
    for row in rows:
        row["ended"] = time_text(row["at"])
        row["data until"] = time_text(row["until"])
    session.output.rows(
        rows,
        {
            "ended": "ended (UTC)",
            "outcome": "outcome",
            "model_version": "version",
            "symbol": "symbol",
            "data until": "data until",
            "windows": "windows",
            "seed": "seed",
            "seconds": "seconds",
            "reason": "why not",
        },
        empty="No run yet. Train with `fsictl train --now`.",
    )
