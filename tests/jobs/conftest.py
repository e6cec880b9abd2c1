"""Messenger, warehouse and clock of an empty workspace, and workloads that end when a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.jobs.events import read_event
from fsictl.jobs.history import ask, known_jobs
from fsictl.jobs.process import Outcome
from fsictl.jobs.request import JobRequest, request_of
from fsictl.jobs.states import Job, JobEvent
from fsictl.jobs.waiting import Watch
from fsictl.jobs.worker import WORKER, Worker, WorkerRules
from fsictl.records.schemas import JOB_EVENTS_TOPIC, JOBS_TOPIC

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z
RFM = request_of("rfm", "2026-01-30")
SUCCESS = Outcome(True, "all was made", '{"rows": 7}')


@dataclass
class FakeWork:
    """A workload that does nothing until its outcome is set."""

    request: JobRequest
    end: Outcome | None = None
    said: list[str] = field(default_factory=list)
    killed: bool = False

    def lines(self) -> list[str]:
        taken, self.said = self.said, []
        return taken

    def outcome(self) -> Outcome | None:
        return self.end

    def kill(self) -> None:
        self.killed = True


@dataclass
class Place:
    """A workspace without anything in it."""

    root: Path
    clock: ManualClock
    messenger: LocalMessenger
    warehouse: LocalWarehouse
    begun: list[FakeWork] = field(default_factory=list)

    def ask(self, request: JobRequest = RFM, action: str | None = None) -> JobEvent:
        self.clock.sleep(1.0)
        return ask(request, messenger=self.messenger, warehouse=self.warehouse, now=self.clock.now_ms(), action=action)

    @contextmanager
    def worker(self, rules: WorkerRules | None = None) -> Iterator[Worker]:
        """A worker that has taken up what was left; it dies at the end of the block, without a word."""

        def begin(request: JobRequest) -> FakeWork:
            self.begun.append(FakeWork(request))
            return self.begun[-1]

        rules = rules or WorkerRules()
        with self.messenger.channel(WORKER, [JOBS_TOPIC], JOB_EVENTS_TOPIC) as channel:
            worker = Worker(channel, self.warehouse, self.clock, begin, rules)
            worker.recover(everything=rules.alone)
            yield worker

    def job(self, request: JobRequest = RFM) -> Job:
        return known_jobs(self.warehouse)[request.job_id]

    def watch(self) -> Watch:
        return Watch(self.warehouse, self.clock, 60_000)

    def events(self, request: JobRequest = RFM) -> list[JobEvent]:
        """What the topic tells of a job."""
        told = [read_event(one.message) for one in self.messenger.read(JOB_EVENTS_TOPIC)]
        return [event for event in told if event.request == request]

    def states(self, request: JobRequest = RFM) -> list[str]:
        return [event.state.value for event in self.events(request) if not (event.detail and event.state == "running")]


def steps(worker: Worker, count: int = 2) -> None:
    for _ in range(count):
        worker.step(0.0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    clock = ManualClock(NOON)
    root = tmp_path / ".fsictl"
    return Place(root, clock, LocalMessenger(root, clock), LocalWarehouse(root, clock))
