"""``fsictl job``: ask for workloads by message, and see what became of them."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli import times
from fsictl.cli.command import command, group
from fsictl.cli.output import time_text
from fsictl.cli.session import Session
from fsictl.errors import CheckFailedError, PreconditionError, StorageUnavailableError, UsageError

if TYPE_CHECKING:
    from fsictl.jobs.request import JobRequest
    from fsictl.jobs.states import Job
    from fsictl.jobs.waiting import Watch

app = group("job", "Ask for workloads by message, and see what became of them.")

Workload = Annotated[str, typer.Argument(help="train, score, sql or rfm.")]
RunDate = Annotated[
    str | None, typer.Option("--run-date", metavar="YYYY-MM-DD", help="The day, UTC; the last whole one without it.")
]
Params = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A parameter; may be given more than once.")
]
Again = Annotated[bool, typer.Option("--again", help="Do it again though it succeeded before.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The id that submit gave.")]


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "submit")
def submit(
    session: Session, workload: Workload, run_date: RunDate = None, param: Params = None, again: Again = False
) -> None:
    """Ask for a workload. The same workload, run date and parameters are one job, however often they are asked for.

    A job that failed is begun anew. Example: fsictl job submit rfm --run-date 2026-01-31
    """
    from fsictl.jobs.history import ask

    request = request_given(session, workload, run_date, param)
    need_state(session)
    asked = ask(
        request,
        messenger=session.messenger,
        warehouse=session.warehouse,
        now=session.clock.now_ms(),
        action="again" if again else None,
    )
    watch = watch_of(session)
    watch.look()
    job = watch.job(asked.job_id)
    state = watch.state(job)[0].value if job is not None else "requested"
    session.output.say(f"Job [bold]{asked.job_id}[/bold] is {state}. Wait for it: fsictl job wait {asked.job_id}")
    if not _worker_runs(session):
        session.output.say("No worker runs here; `fsictl job worker` or `fsictl orchestrator start` starts one.")
    document = {"job_id": asked.job_id, "state": state, "workload": workload}
    session.output.document({**document, "run_date": request.run_date.isoformat(), "params": dict(request.params)})
    if not session.output.as_json:
        typer.echo(asked.job_id)


@command(app, "status")
def status(session: Session, job_id: JobId) -> None:
    """Tell the story of a job: what happened to it, and every line that its workload logged."""
    from fsictl.jobs.story import story_of

    need_state(session)
    watch = watch_of(session)
    watch.look()
    job = need_job(watch, job_id)
    chapters = story_of(job_id, messenger=session.messenger, warehouse=session.warehouse)
    if session.output.as_json:
        story = [{"at": one.at, "attempt": one.attempt, "state": one.state, "detail": one.detail} for one in chapters]
        session.output.document({**job_row(watch, job), "story": story})
        return
    state, detail = watch.state(job)
    session.output.say(f"Job [bold]{job_id}[/bold] is {state}{f': {detail}' if detail else ''}.")
    rows = [
        {"at": time_text(one.at), "attempt": one.attempt or None, "state": one.state, "detail": one.detail}
        for one in chapters
    ]
    session.output.rows(rows, {"at": "at (UTC)", "attempt": "attempt", "state": "state", "detail": "what happened"})


@command(app, "wait")
def wait(
    session: Session,
    job_id: JobId,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="Longest wait, such as 90s or 2h.")] = "1h",
) -> None:
    """Wait until a job has ended. Ends with exit code 5 unless it succeeded in time."""
    from fsictl.jobs.waiting import wait_for

    seconds = times.duration(timeout)
    need_state(session)
    watch = watch_of(session)
    job = wait_for(watch, _checked(job_id), clock=session.clock, timeout=seconds)
    if job is None:
        message = f"job {job_id} has not ended within {timeout}"
        raise CheckFailedError(message, hint=f"See what it does: fsictl job status {job_id}.")
    session.output.document(job_row(watch, job))
    need_success(job)
    session.output.say(f"Job [bold]{job_id}[/bold] succeeded: {job.detail}.")


@command(app, "list")
def list_(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="Most jobs to show, the newest first.")] = 50,
    state: Annotated[str | None, typer.Option(help="Only those that are requested, running, failed, ….")] = None,
) -> None:
    """Show jobs, the newest first."""
    from fsictl.jobs.states import State

    if state is not None and state not in {*State}:
        message = f"no job can be {state!r}"
        raise UsageError(message, hint=f"Choose from {', '.join(State)}.")
    need_state(session)
    watch = watch_of(session)
    watch.look()
    found = [row for job in watch.jobs() if (row := job_row(watch, job))["state"] == state or state is None]
    if not session.output.as_json:
        found = [{**row, "since (UTC)": time_text(row["since"])} for row in found[:limit]]
    session.output.rows(
        found[:limit],
        {
            "job_id": "job",
            "state": "state",
            "since (UTC)": "since (UTC)",
            "attempt": "attempt",
            "detail": "what was said last",
        },
        empty="No job yet. Ask for one: fsictl job submit rfm --run-date 2026-01-31.",
    )


@command(app, "cancel")
def cancel(session: Session, job_id: JobId) -> None:
    """Ask the worker to end a job, whether it waits or runs."""
    from fsictl.jobs.request import CANCEL, request_message
    from fsictl.records.schemas import JOBS_TOPIC

    need_state(session)
    watch = watch_of(session)
    watch.look()
    job = need_job(watch, job_id)
    if job.state.is_final:
        message = f"job {job_id} is {job.state} already"
        raise PreconditionError(message, hint="There is nothing to end.")
    session.messenger.publish([(JOBS_TOPIC, request_message(job.request, at=session.clock.now_ms(), action=CANCEL))])
    session.output.say(f"Asked for the end of {job_id}.")
    session.output.document({"job_id": job_id})


@command(app, "worker")
def worker(session: Session) -> None:
    """Do what is asked for, here, until Ctrl-C: each workload in a process of its own."""
    from fsictl.cli.pipelines import SignalStop, log_to_stderr, under_a_keeper
    from fsictl.jobs.process import WorkProcess
    from fsictl.jobs.worker import WORKER, Worker, WorkerRules
    from fsictl.records.schemas import JOB_EVENTS_TOPIC, JOBS_TOPIC

    log_to_stderr()
    session.check_settings()
    session.make_workspace()
    signals, jobs = SignalStop(session.environment), session.settings.jobs
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FSICTL_SUPERVISED")}
    environment.pop("FSICTL_LOG_FILE", None)

    def begin(request: JobRequest) -> WorkProcess:
        return WorkProcess(session.command("job", "perform"), request, environment)

    def work(stop: Any) -> None:
        rules = WorkerRules(jobs.attempts, jobs.parallel, jobs.lease, jobs.longest * 3600, alone=not session.is_cloud)
        with session.messenger.channel(WORKER, [JOBS_TOPIC], JOB_EVENTS_TOPIC) as channel:
            logging.info("the worker started")
            counters = Worker(channel, session.warehouse, session.clock, begin, rules).run(stop, signals.tell_ready)
        logging.info("the worker ended: %s", ", ".join(f"{name} {count}" for name, count in counters.items()))
        session.output.document(counters)

    under_a_keeper(session, signals, work)


@command(app, "perform", hidden=True)
def perform(session: Session) -> None:
    """Do one job, here: what a worker starts. Reads the request as one line of JSON, and answers with JSON."""
    from fsictl.cli.workloads import perform as do
    from fsictl.jobs.process import TRY_AGAIN, end_with_parent
    from fsictl.jobs.request import read_request
    from fsictl.records.message import Message
    from fsictl.sql.run_dates import check_run_date

    request = read_request(Message(sys.stdin.buffer.readline(100_000), {}))
    end_with_parent(sys.stdin.fileno())
    check_run_date(request.run_date, session.clock.now_ms())
    session.make_workspace()
    try:
        made = do(session, request)
    except StorageUnavailableError as error:  # it may pass, and the exit code says so
        sys.stderr.write(f"Error: {error}. {error.hint}\n")
        sys.exit(TRY_AGAIN)
    sys.stdout.write(json.dumps({"detail": made.detail, "result": dict(made.result)}) + "\n")


def request_given(session: Session, workload: str, run_date: str | None, param: list[str] | None) -> JobRequest:
    """The request that a command line makes; its run date must have begun."""
    from fsictl.jobs.request import request_of
    from fsictl.sql.run_dates import check_run_date, yesterday

    now = session.clock.now_ms()
    params = {}
    for one in param or ():
        name, equals, value = one.partition("=")
        if not equals:
            message = f"{one!r} is not a parameter"
            raise UsageError(message, hint="Write --param NAME=VALUE, for example --param symbol=EURUSD.")
        params[name.strip()] = value.strip()
    request = request_of(workload, run_date if run_date is not None else yesterday(now).isoformat(), params)
    check_run_date(request.run_date, now)
    return request


def need_state(session: Session) -> None:
    """Raise ``PreconditionError`` when jobs are kept on this machine and there is no workspace yet."""
    if not session.is_cloud:
        session.need_workspace()


def watch_of(session: Session) -> Watch:
    """The jobs of this workspace."""
    from fsictl.jobs.waiting import Watch

    return Watch(session.warehouse, session.clock, round(session.settings.jobs.lease * 1000))


def need_job(watch: Watch, job_id: str) -> Job:
    """The job of that id; ``PreconditionError`` when there is none."""
    job = watch.job(_checked(job_id))
    if job is None:
        message = f"there is no job {job_id}"
        raise PreconditionError(message, hint="`fsictl job list` shows those there are.")
    return job


def need_success(job: Job) -> None:
    """Raise ``CheckFailedError`` for a job that did not succeed."""
    from fsictl.jobs.states import State

    if job.state is not State.SUCCEEDED:
        message = f"job {job.job_id} {_ENDED[job.state.value]}{f': {job.detail}' if job.detail else ''}"
        raise CheckFailedError(message, hint=f"See its story: fsictl job status {job.job_id}.")


_ENDED = {"failed": "failed", "cancelled": "was cancelled", "running": "still runs", "requested": "has not begun"}


def job_row(watch: Watch, job: Job) -> dict[str, Any]:
    """A job in plain types."""
    state, detail = watch.state(job)
    result = job.latest.result if job.latest is not None and not job.is_reopened else None
    return {
        "job_id": job.job_id,
        "workload": job.request.workload,
        "run_date": job.request.run_date.isoformat(),
        "params": dict(job.request.params),
        "state": state.value,
        "since": job.since,
        "asked_at": job.asked_at,
        "attempt": job.attempt or None,
        "detail": detail,
        "result": json.loads(result) if result else None,
    }


def _checked(job_id: str) -> str:
    from fsictl.jobs.request import check_job_id

    return check_job_id(job_id)


def _worker_runs(session: Session) -> bool:
    from fsictl.backends.local.layout import Layout
    from fsictl.backends.local.lock import holder
    from fsictl.jobs.worker import WORKER

    return session.is_cloud or holder(Layout(session.root).lock(WORKER)) is not None
