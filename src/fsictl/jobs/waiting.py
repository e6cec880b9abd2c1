"""Waiting for a job to end, by what the table says of it."""

from __future__ import annotations

from collections.abc import Callable

from fsictl.clock import Clock
from fsictl.errors import PreconditionError
from fsictl.jobs.events import events_of
from fsictl.jobs.history import known_jobs
from fsictl.jobs.states import Job, State, join, state_at
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import JOB_EVENTS

LOOK_EVERY = 0.5

_MARGIN_MS = 600_000
"""How far before the last look events are read again: clocks of other machines may be behind ours."""


class Watch:
    """What is known of jobs, brought up to date at every look without reading everything again."""

    def __init__(self, warehouse: Warehouse, clock: Clock, lease_ms: int) -> None:
        self._warehouse, self._clock, self._lease_ms = warehouse, clock, lease_ms
        self._looked: int | None = None
        self._jobs: dict[str, Job] = {}

    def look(self) -> None:
        """Read what has happened."""
        now = self._clock.now_ms()
        if self._looked is None:
            self._jobs = known_jobs(self._warehouse)
        else:
            start = min(now, self._looked) - _MARGIN_MS
            for event in events_of(self._warehouse.read(JOB_EVENTS.name, start=start)):
                self._jobs[event.job_id] = join(self._jobs.get(event.job_id), event)
        self._looked = now

    def jobs(self) -> list[Job]:
        """All of them, the newest first."""
        return sorted(self._jobs.values(), key=lambda job: (job.since, job.job_id), reverse=True)

    def job(self, job_id: str) -> Job | None:
        """The job of that name, ``None`` if nobody asked for it."""
        return self._jobs.get(job_id)

    def state(self, job: Job) -> tuple[State, str]:
        """Its state and what was said of it, now."""
        return state_at(job, self._clock.now_ms(), self._lease_ms)


def wait_for(
    watch: Watch,
    job_id: str,
    *,
    clock: Clock,
    timeout: float,
    asked_at: int | None = None,
    on_look: Callable[[Job, State], None] | None = None,
) -> Job | None:
    """Wait until the job has ended; ``None`` when it has not within ``timeout`` seconds.

    With ``asked_at`` (ms) the job may become known later. ``on_look`` is told of every look. A job whose worker is
    silent is waited for: a worker that comes back takes it up.
    """
    end = clock.monotonic() + timeout
    while True:
        watch.look()
        job = watch.job(job_id)
        if job is None and asked_at is None:
            message = f"there is no job {job_id}"
            raise PreconditionError(message, hint="`fsictl job list` shows those there are.")
        if job is not None:
            if on_look is not None:
                on_look(job, watch.state(job)[0])
            if job.state.is_final:
                return job
        if clock.monotonic() >= end:
            return None
        clock.sleep(min(LOOK_EVERY, max(end - clock.monotonic(), 0.01)))
