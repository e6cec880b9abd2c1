"""The states of a job as a fold over its events, in whatever order and however often they come.

::

    requested ──► running ──► succeeded | failed
        └────────────┴──────► cancelled

Every event says in which *round* (how often the job was begun anew because somebody asked again) and in which
*attempt* of that round it happened. The furthest of them counts: :func:`join` takes the larger of what is known and
what comes, which is commutative, associative and idempotent, so no order of delivery gives another state.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from fsictl.jobs.request import JobRequest


class State(StrEnum):
    """What a job is doing."""

    REQUESTED = "requested"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens unless it is asked for again."""
        return self not in {State.REQUESTED, State.RUNNING}


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job at ``at`` (ms); ``since`` is when that state began.

    Round 0 is the asking itself; workers count rounds and attempts from 1. ``detail`` is a sentence or a line of the
    workload's log, ``result`` what it found, as JSON, ``again`` an asking that even a success does not answer.
    """

    request: JobRequest
    state: State
    at: int
    since: int
    round: int = 0
    attempt: int = 0
    detail: str = ""
    result: str | None = None
    again: bool = False

    @property
    def job_id(self) -> str:
        """The job that it happened to."""
        return self.request.job_id

    @property
    def place(self) -> tuple[int, int, int]:
        """How far the job had come."""
        order = 0 if self.state is State.REQUESTED else 2 if self.state.is_final else 1
        return self.round, self.attempt, order


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a job: when it was asked for last (``again_at``: insisted on), and the furthest event."""

    request: JobRequest
    asked_at: int | None = None
    again_at: int | None = None
    latest: JobEvent | None = None

    @property
    def job_id(self) -> str:
        """The name of the job."""
        return self.request.job_id

    @property
    def is_reopened(self) -> bool:
        """Whether it was asked for after it had ended: after a failure any asking counts, else an insisting one."""
        if self.latest is None or not self.latest.state.is_final:
            return False
        asked = self.again_at if self.latest.state is State.SUCCEEDED else self.asked_at
        return asked is not None and asked > self.latest.at

    @property
    def state(self) -> State:
        """Its state by its events alone; see :func:`state_at` for a worker that is silent."""
        return State.REQUESTED if self.latest is None or self.is_reopened else self.latest.state

    @property
    def since(self) -> int:
        """When that state began, ms."""
        if self.latest is None or self.is_reopened:
            return self.asked_at or 0
        return self.latest.since

    @property
    def detail(self) -> str:
        """What was said of that state last."""
        return "" if self.latest is None or self.is_reopened else self.latest.detail

    @property
    def round(self) -> int:
        """How often workers have begun it anew."""
        return 0 if self.latest is None else self.latest.round

    @property
    def attempt(self) -> int:
        """Which attempt of that round it is in."""
        return 0 if self.latest is None else self.latest.attempt


def state_at(job: Job, now: int, lease_ms: int) -> tuple[State, str]:
    """State and detail at ``now``: a job whose worker has been silent for longer than the lease does not run.

    A worker that comes back takes it up again; then it is running, in a later attempt.
    """
    if job.state is State.RUNNING and job.latest is not None and now - job.latest.at > lease_ms:
        silent = (now - job.latest.at) // 1000
        return State.FAILED, f"its worker has not been heard of for {silent} s; one that starts takes it up again"
    return job.state, job.detail


def join(job: Job | None, event: JobEvent) -> Job:
    """What is known when that is known, too."""
    if job is None:
        job = Job(event.request)
    if event.round == 0:
        again = _later(job.again_at, event.at) if event.again else job.again_at
        return replace(job, asked_at=_later(job.asked_at, event.at), again_at=again)
    if job.latest is None or event.place > job.latest.place:
        return replace(job, latest=event)
    if event.place < job.latest.place:
        return job
    return replace(job, latest=_same_place(job.latest, event))


def fold(events: Iterable[JobEvent]) -> dict[str, Job]:
    """Every job that the events tell of, by its id."""
    jobs: dict[str, Job] = {}
    for event in events:
        jobs[event.job_id] = join(jobs.get(event.job_id), event)
    return jobs


def _later(known: int | None, at: int) -> int:
    return at if known is None else max(known, at)


def _same_place(one: JobEvent, other: JobEvent) -> JobEvent:
    """Of two ends the first counts; of two signs of life the last one, since the first."""
    if one.state.is_final:
        return min(one, other, key=lambda event: (event.at, event.state, event.detail, event.result or ""))
    newest = max(one, other, key=lambda event: (event.at, event.detail, event.result or ""))
    return replace(newest, since=min(one.since, other.since))
