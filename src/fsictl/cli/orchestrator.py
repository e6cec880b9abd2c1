"""``fsictl orchestrator``: ask for workloads now or by schedule, wait for them, check them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli import times
from fsictl.cli.command import command, group
from fsictl.cli.job import Again, Params, RunDate, Workload, job_row, need_state, request_given, watch_of
from fsictl.cli.output import time_text
from fsictl.cli.session import Session
from fsictl.errors import CheckFailedError, FsictlError

if TYPE_CHECKING:
    from fsictl.jobs.alarm import Alarm
    from fsictl.jobs.request import JobRequest
    from fsictl.jobs.schedule import Entry
    from fsictl.jobs.states import Job
    from fsictl.jobs.timetable import Timetable

app = group("orchestrator", "Ask for workloads when they are due, wait, check, and raise the alarm.")

NoWorker = Annotated[
    bool, typer.Option("--no-worker", help="Start no worker here: one runs elsewhere, or will be started.")
]


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "run")
def run(
    session: Session,
    workload: Workload,
    run_date: RunDate = None,
    param: Params = None,
    again: Again = False,
    timeout: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Longest wait; orchestrator.within without it.")
    ] = None,
    no_worker: NoWorker = False,
) -> None:
    """Ask for a workload now, wait for it, and check what it made. Ends with exit code 5 if the check says no.

    Example: fsictl orchestrator run rfm --run-date 2026-01-31
    """
    from fsictl.cli import workloads
    from fsictl.jobs.alarm import Alarm, check_webhook, post_alarm
    from fsictl.jobs.orchestrator import run_job

    seconds = session.settings.orchestrator.within * 3600 if timeout is None else times.duration(timeout)
    request = request_given(session, workload, run_date, param)
    check_webhook(session.settings.orchestrator.webhook)
    need_state(session)
    said: set[str] = set()
    with workloads.worker_here(session, wanted=not no_worker) as worker:

        def on_look(job: Job | None) -> None:
            if worker is not None:
                worker.ensure()
            if job is not None and job.state.value not in said:
                said.add(job.state.value)
                session.output.say(f"Job [bold]{job.job_id}[/bold]: {job.state.value}.")

        report = run_job(
            request,
            messenger=session.messenger,
            warehouse=session.warehouse,
            clock=session.clock,
            watch=(watch := watch_of(session)),
            check=lambda job: workloads.check(session, job),
            timeout=seconds,
            action="again" if again else None,
            on_look=on_look,
        )
    job, verdict = report.job, report.verdict
    row = {"job_id": request.job_id, "state": None} if job is None else job_row(watch, job)
    session.output.document({**row, "passed": verdict.passed, "check": verdict.detail, "seconds": report.seconds})
    if not verdict.passed:
        problem = "has not ended in time" if job is None else "was not done"
        day, now = request.run_date.isoformat(), session.clock.now_ms()
        post_alarm(
            Alarm(request.job_id, workload, day, problem, verdict.detail, now), session.settings.orchestrator.webhook
        )
        message = f"the workload {workload} for {day} {problem}: {verdict.detail}"
        raise CheckFailedError(message, hint=f"See its story: fsictl job status {request.job_id}.")
    session.output.say(f"Done and checked in {report.seconds:.0f} s: {verdict.detail}.")


@command(app, "start")
def start(
    session: Session,
    no_worker: NoWorker = False,
) -> None:
    """Ask for what is due, by the schedule and by drift, until Ctrl-C; a worker does it beside.

    The schedule is orchestrator.schedule in fsictl.toml, and what train --schedule added. What was due while nothing
    ran is made good for: see orchestrator.missed.
    """
    from fsictl.cli import workloads
    from fsictl.cli.pipelines import SignalStop, log_to_stderr
    from fsictl.jobs.alarm import check_webhook
    from fsictl.jobs.orchestrator import ORCHESTRATOR, Orchestrator
    from fsictl.jobs.schedule import MissedPolicy
    from fsictl.records.schemas import JOBS_TOPIC

    chosen = session.settings.orchestrator
    check_webhook(chosen.webhook)
    entries(session)
    log_to_stderr()
    session.make_workspace()
    stop = SignalStop(session.environment)
    with session.messenger.channel(ORCHESTRATOR, [], JOBS_TOPIC) as channel:
        orchestrator = Orchestrator(
            channel,
            session.warehouse,
            session.clock,
            watch_of(session),
            entries=_Latest(session),
            check=lambda job: workloads.check(session, job),
            alarm=lambda alarm: _tell(session, alarm),
            missed=MissedPolicy(chosen.missed, chosen.most_missed),
            within=chosen.within * 3600,
            advice=None if chosen.drift_every is None else lambda: _advice(session),
            advice_every=(chosen.drift_every or 1.0) * 3600,
        )
        with workloads.worker_here(session, wanted=not no_worker) as worker:
            logging.info("the orchestrator started")
            _say_schedule(session)
            counters = orchestrator.run(stop, None if worker is None else worker.ensure)
            if worker is not None:
                worker.end(drain=False)
    logging.info("the orchestrator ended: %s", ", ".join(f"{name} {count}" for name, count in counters.items()))
    session.output.document(counters)


@command(app, "schedule")
def schedule(session: Session) -> None:
    """Show what is due when."""
    need_state(session)
    rows = _schedule_rows(session)
    if not session.output.as_json:
        rows = [{**row, "next (UTC)": time_text(row["next"])} for row in rows]
    session.output.rows(
        rows,
        {"entry": "entry", "from": "from", "next (UTC)": "next (UTC)"},
        empty="Nothing is scheduled. Set orchestrator.schedule in fsictl.toml, or use fsictl train --schedule.",
    )


def entries(session: Session) -> list[tuple[Entry, int | None]]:
    """The schedule in force: of the settings, and what was added by command, with the time (ms) when it was."""
    from fsictl.jobs.cron import zone_of
    from fsictl.jobs.schedule import entry_of

    with session.checking("orchestrator.time_zone"):
        zone = zone_of(session.settings.orchestrator.time_zone)
    found: dict[str, tuple[Entry, int | None]] = {}
    for text in session.settings.orchestrator.schedule:
        with session.checking("orchestrator.schedule"):
            entry = entry_of(text, zone)
        found[entry.text] = (entry, None)
    for text, added in timetable(session).entries().items():
        entry = entry_of(text, zone)
        found.setdefault(entry.text, (entry, added))
    return list(found.values())


def timetable(session: Session) -> Timetable:
    """The entries that were added by command."""
    from fsictl.jobs.timetable import Timetable

    return Timetable(session.root / "schedule.json")


class _Latest:
    """The schedule at every look; while what was added cannot be read, the one before."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known = entries(session)
        self._said = ""

    def __call__(self) -> list[tuple[Entry, int | None]]:
        try:
            self._known = entries(self._session)
        except FsictlError as error:
            if str(error) != self._said:
                self._said = str(error)
                logging.error("%s. %s The schedule stays as it was.", error, error.hint)
        return self._known


def _advice(session: Session) -> JobRequest | None:
    """A training, if a champion is to be replaced: its scores have drifted, or its data is old."""
    from fsictl.cli.models import retraining_of
    from fsictl.jobs.catalogue import moment_text
    from fsictl.jobs.request import request_of
    from fsictl.model.aliases import CHAMPION, named
    from fsictl.model.versions import load_card
    from fsictl.sql.run_dates import run_date_at

    try:
        champions = named(session.artifacts, CHAMPION)
        for symbol, version in ((None, champions.shared), *sorted(champions.own.items())):
            advice = retraining_of(session, load_card(session.artifacts, version)) if version is not None else None
            if advice is None or advice.due_since is None:
                continue
            newest = max(one.last for one in session.warehouse.extents("metrics"))
            logging.info("a training%s is due: %s", f" of {symbol}" if symbol else "", advice.reason)
            params = {"until": moment_text(newest + 1)} | ({"symbol": symbol} if symbol is not None else {})
            return request_of("train", run_date_at(newest).isoformat(), params)
    except FsictlError as error:
        logging.error("whether a training is due could not be seen: %s", error)
    return None


def _tell(session: Session, alarm: Alarm) -> None:
    from fsictl.jobs.alarm import raise_alarm

    raise_alarm(alarm, session.settings.orchestrator.webhook)


def _schedule_rows(session: Session) -> list[dict[str, Any]]:
    now = session.clock.now_ms()
    return [
        {
            "entry": entry.text,
            "from": "the settings" if added is None else "a command",
            "next": entry.cron.next_after(now),
        }
        for entry, added in entries(session)
    ]


def _say_schedule(session: Session) -> None:
    rows = _schedule_rows(session)
    for row in rows:
        logging.info("scheduled: %s, next at %s UTC", row["entry"], time_text(row["next"]))
    if not rows:
        logging.info("nothing is scheduled; trainings are asked for when scores drift")
