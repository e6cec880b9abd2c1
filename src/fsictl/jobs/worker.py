"""The worker: takes requests, lets workloads do them, and says what happens; it knows nothing of schedules.

What happened is written to the table first and committed with the messages taken after that. A worker that dies in
between takes the same requests again and finds what the table says of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from fsictl.clock import Clock
from fsictl.errors import FsictlError, InputError
from fsictl.jobs.events import event_message
from fsictl.jobs.history import asking, known_jobs, record
from fsictl.jobs.process import Outcome
from fsictl.jobs.request import AGAIN, CANCEL, JobRequest, read_request
from fsictl.jobs.states import Job, JobEvent, State, join
from fsictl.ports.messenger import Channel, Commit
from fsictl.ports.warehouse import Warehouse
from fsictl.records.message import Message, Received, Reject
from fsictl.records.schemas import JOB_EVENTS_TOPIC
from fsictl.sql.run_dates import check_run_date
from fsictl.streams.pipeline import Stop, dead_letters

WORKER = "workloads"
"""The name under which the worker takes requests."""

MOST_LINES = 1000
"""Lines of a workload's log that are published at most in one attempt."""

_AT_ONCE = 100
_QUIET, _BUSY = 0.5, 0.1  # seconds that it waits for requests
_FIRST_PAUSE = 2.0  # seconds before the second attempt after a passing fault; doubled each time

log = logging.getLogger(__name__)


class Work(Protocol):
    """A workload that runs."""

    def lines(self) -> list[str]:
        """What it has logged since the last call."""
        ...

    def outcome(self) -> Outcome | None:
        """How it ended; ``None`` while it runs."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerRules:
    """Attempts of a job, workloads at once, seconds between signs of life, seconds that a workload may take.

    ``alone`` says that no other worker takes these requests while this one lives: then whatever runs by the table when
    it starts, runs no more. Otherwise only what has been silent for ``lease`` seconds.
    """

    attempts: int = 3
    parallel: int = 1
    lease: float = 60.0
    longest: float = 6 * 3600.0
    alone: bool = True


@dataclass(slots=True)
class _Task:
    """A job that this worker has taken: the event that says where it is; its workload if it runs."""

    event: JobEvent
    not_before: float = 0.0
    work: Work | None = None
    began: float = 0.0
    published: int = 0


@dataclass(slots=True)
class _Step:
    """What came of one round of the loop."""

    happened: list[JobEvent] = field(default_factory=list)
    lines: list[JobEvent] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class Worker:
    """Takes requests from ``channel`` and has ``begin`` start the workload of each in a process of its own."""

    def __init__(
        self,
        channel: Channel,
        warehouse: Warehouse,
        clock: Clock,
        begin: Callable[[JobRequest], Work],
        rules: WorkerRules | None = None,
    ) -> None:
        self._channel, self._warehouse, self._clock, self._begin = channel, warehouse, clock, begin
        self._rules = rules or WorkerRules()
        self._tasks: dict[str, _Task] = {}
        self._counters = {"taken": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "retried": 0, "rejected": 0}
        self._looked = -1e9
        self._beat = -1e9

    @property
    def counters(self) -> dict[str, int]:
        """Running totals for people."""
        return dict(self._counters)

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing to do."""
        return not self._tasks

    def run(self, stop: Callable[[], Stop], on_ready: Callable[[], None] | None = None) -> dict[str, int]:
        """Work until ``stop`` says so; returns the counters. Draining finishes what was taken and what waits.

        Workloads that run when it ends at once are ended too, and wait for the next worker.
        """
        recovered = self._channel.recover()
        self._counters |= {name: recovered.counters.get(name, 0) for name in self._counters}
        self.recover(everything=self._rules.alone)
        if on_ready is not None:
            on_ready()
        try:
            while True:
                asked = stop()
                if asked is Stop.NOW:
                    break
                received = self.step(_BUSY if self._tasks else _QUIET)
                if asked is Stop.DRAIN and not received and self.is_idle:
                    break
        except BaseException:
            self._kill_all()
            raise
        self._put_back()
        return self.counters

    # ------------------------------------------------------------------------------------ one round

    def step(self, timeout: float) -> int:
        """Take requests, look after workloads, keep what happened; returns how many messages were taken."""
        received = self._channel.pull(_AT_ONCE, timeout)
        made = _Step()
        if received:
            self._take(received, made)
        for task in list(self._tasks.values()):
            if task.work is not None:
                self._look_after(task, task.work, made)
        self._start_waiting(made)
        self._keep(received, made)
        self._give_signs_of_life()
        if not self._rules.alone:
            self.recover(everything=False)
        return len(received)

    def _take(self, received: Sequence[Received], made: _Step) -> None:
        jobs = known_jobs(self._warehouse)
        for item in received:
            try:
                request, asked = read_request(item.message), _asked_at(item)
            except InputError as error:
                log.warning("a request could not be read: %s", error)
                made.rejects.append(Reject("malformed", str(error), item.message.data, item.origin))
                continue
            action = item.message.attributes.get("action")
            if action == CANCEL:
                self._cancel(request, jobs, made)
                continue
            job = join(jobs.get(request.job_id), asking(request, asked, AGAIN if action == AGAIN else None))
            jobs[request.job_id] = job
            self._accept(job, made)

    def _accept(self, job: Job, made: _Step) -> None:
        if job.job_id in self._tasks or (job.latest is not None and not job.is_reopened):
            log.info("%s: asked for again; it is %s already", job.job_id, job.state)
            return
        self._counters["taken"] += 1
        event = self._event(job.request, State.REQUESTED, job.round + 1, 1, after=job.asked_at or 0)
        try:
            check_run_date(job.request.run_date, self._clock.now_ms())
        except FsictlError as error:
            self._end(event, State.FAILED, f"{error}. {error.hint}", made)
            return
        log.info("%s: taken (%s for %s)", job.job_id, job.request.workload, job.request.run_date)
        made.happened.append(event)
        self._tasks[job.job_id] = _Task(event)

    def _cancel(self, request: JobRequest, jobs: dict[str, Job], made: _Step) -> None:
        task, job = self._tasks.pop(request.job_id, None), jobs.get(request.job_id)
        if task is not None:
            if task.work is not None:
                task.work.kill()
            self._end(task.event, State.CANCELLED, "somebody asked to end it", made)
        elif job is not None and not job.state.is_final:
            event = self._event(request, State.REQUESTED, job.round + 1, 1, after=job.asked_at or 0)
            if job.latest is not None and not job.is_reopened:
                event = job.latest
            self._end(event, State.CANCELLED, "somebody asked to end it", made)

    # ------------------------------------------------------------------------------------- workloads

    def _start_waiting(self, made: _Step) -> None:
        now = self._clock.monotonic()
        running = sum(task.work is not None for task in self._tasks.values())
        for task in self._tasks.values():
            if running >= self._rules.parallel:
                break
            if task.work is None and task.not_before <= now:
                task.work, task.began, task.published = self._begin(task.event.request), now, 0
                task.event = self._next(task.event, State.RUNNING)
                log.info("%s: running, attempt %d", task.event.job_id, task.event.attempt)
                made.happened.append(task.event)
                running += 1

    def _look_after(self, task: _Task, work: Work, made: _Step) -> None:
        outcome = work.outcome()
        self._take_lines(task, work.lines(), made)
        if outcome is None:
            if self._clock.monotonic() - task.began <= self._rules.longest:
                return
            work.kill()
            hours = self._rules.longest / 3600
            outcome = Outcome(False, f"it took longer than {hours:g} hours (jobs.longest) and was ended")
        if outcome.succeeded:
            self._tasks.pop(task.event.job_id)
            self._end(task.event, State.SUCCEEDED, outcome.detail, made, outcome.result)
        elif outcome.passing:
            self._try_again(task, outcome.detail, made)
        else:
            self._tasks.pop(task.event.job_id)
            self._end(task.event, State.FAILED, outcome.detail, made)

    def _take_lines(self, task: _Task, lines: Sequence[str], made: _Step) -> None:
        for line in lines:
            log.info("%s: %s", task.event.job_id, line)
            task.published += 1
            if task.published <= MOST_LINES:
                made.lines.append(replace(task.event, at=self._clock.now_ms(), detail=line))

    def _try_again(self, task: _Task, why: str, made: _Step) -> None:
        """Let the job wait for its next attempt; after the last one it has failed."""
        event, attempt = task.event, task.event.attempt
        if attempt >= self._rules.attempts:
            self._tasks.pop(event.job_id, None)
            self._end(event, State.FAILED, f"attempt {attempt} of {self._rules.attempts}: {why}", made)
            return
        self._counters["retried"] += 1
        log.warning("%s: attempt %d: %s; it is tried again", event.job_id, attempt, why)
        task.work = None
        task.not_before = self._clock.monotonic() + _FIRST_PAUSE * 2 ** (attempt - 1)
        detail = f"tried again, since in attempt {attempt} {why}"
        task.event = self._next(event, State.REQUESTED, detail, attempt=attempt + 1)
        made.happened.append(task.event)
        self._tasks[event.job_id] = task

    # ------------------------------------------------------------------------------------ what stays

    def _end(self, event: JobEvent, state: State, detail: str, made: _Step, result: str | None = None) -> None:
        self._counters[state.value] += 1
        level = logging.INFO if state is State.SUCCEEDED else logging.WARNING
        log.log(level, "%s: %s: %s", event.job_id, state, detail)
        made.happened.append(replace(self._next(event, state, detail), result=result))

    def _next(self, event: JobEvent, state: State, detail: str = "", attempt: int | None = None) -> JobEvent:
        """What happens to the job after that event."""
        number = event.attempt if attempt is None else attempt
        return self._event(event.request, state, event.round, number, after=event.at, detail=detail)

    def _event(
        self, request: JobRequest, state: State, number: int, attempt: int, *, after: int, detail: str = ""
    ) -> JobEvent:
        """Something that happens now; never before what happened last, even if the clock was set back."""
        at = max(self._clock.now_ms(), after)
        return JobEvent(request, state, at, at, number, attempt, detail)

    def _keep(self, received: Sequence[Received], made: _Step) -> None:
        if not (received or made.happened or made.lines):
            return
        self._counters["rejected"] += len(made.rejects)
        record(self._warehouse, made.happened)
        outgoing: list[tuple[str, Message]] = [
            (JOB_EVENTS_TOPIC, event_message(event)) for event in [*made.lines, *made.happened]
        ]
        outgoing += dead_letters(made.rejects, self._clock.now_ms())
        self._channel.commit(Commit(received, outgoing, counters=self._counters))

    def _give_signs_of_life(self) -> None:
        now = self._clock.monotonic()
        if now - self._beat < self._rules.lease / 4:
            return
        self._beat = now
        for task in self._tasks.values():
            task.event = replace(task.event, at=max(self._clock.now_ms(), task.event.at))
        record(self._warehouse, [task.event for task in self._tasks.values()])

    def recover(self, *, everything: bool) -> None:
        """Take up what an earlier or other worker left: all of it, or only what has been silent for too long."""
        if not everything and self._clock.monotonic() - self._looked < self._rules.lease / 2:
            return
        self._looked = self._clock.monotonic()
        now, made = self._clock.now_ms(), _Step()
        for job in known_jobs(self._warehouse).values():
            event = job.latest
            if event is None or event.state.is_final or job.job_id in self._tasks:
                continue
            if not everything and now - event.at <= self._rules.lease * 1000:
                continue
            if event.state is State.RUNNING:
                self._try_again(_Task(event), "its worker was gone", made)
            else:
                self._tasks[job.job_id] = _Task(event)
        self._keep((), made)

    def _put_back(self) -> None:
        """End what runs; it waits for the next worker, without an attempt less."""
        self._kill_all()
        made = _Step()
        for task in self._tasks.values():
            if task.event.state is State.RUNNING:
                event, detail = task.event, "its worker was stopped; it waits for the next one"
                log.warning("%s: %s", event.job_id, detail)
                made.happened.append(self._next(event, State.REQUESTED, detail, attempt=event.attempt + 1))
        self._keep((), made)

    def _kill_all(self) -> None:
        for task in self._tasks.values():
            if task.work is not None:
                task.work.kill()


def _asked_at(item: Received) -> int:
    try:
        return int(item.message.attributes["timestamp"])
    except (KeyError, ValueError):
        return item.published_ms
