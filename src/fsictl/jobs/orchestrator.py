"""The orchestrator: asks for what is due, waits, looks whether it was done, and raises the alarm if it was not.

What it has asked for and what it still waits for is its state, committed together with the requests themselves. A
request is named by what it asks for, so two orchestrators that ask for the same ask for one job.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fsictl.clock import Clock
from fsictl.errors import ServiceError, StorageUnavailableError
from fsictl.jobs.alarm import Alarm
from fsictl.jobs.checks import Verdict
from fsictl.jobs.history import ask, asking, record
from fsictl.jobs.request import JobRequest, request_message
from fsictl.jobs.schedule import Entry, MissedPolicy
from fsictl.jobs.states import Job
from fsictl.jobs.waiting import Watch, wait_for
from fsictl.ports.messenger import Channel, Commit, Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.message import Message
from fsictl.records.schemas import JOBS_TOPIC
from fsictl.streams.pipeline import Stop

ORCHESTRATOR = "orchestrator"
"""The name under which its state is kept."""

_LOOK_EVERY = 1.0
_AHEAD_MS = 60_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """How a request ended: the job if it ended in time, what the check says, and how long it took (s)."""

    request: JobRequest
    job: Job | None
    verdict: Verdict
    seconds: float


def run_job(
    request: JobRequest,
    *,
    messenger: Messenger,
    warehouse: Warehouse,
    clock: Clock,
    watch: Watch,
    check: Callable[[Job], Verdict],
    timeout: float,
    action: str | None = None,
    on_look: Callable[[Job | None], None] | None = None,
) -> Report:
    """Ask for one job now, wait for its end, and look whether it was done."""
    began = clock.monotonic()
    asked = ask(request, messenger=messenger, warehouse=warehouse, now=clock.now_ms(), action=action)
    job = wait_for(
        watch,
        request.job_id,
        clock=clock,
        timeout=timeout,
        asked_at=asked.at,
        on_look=None if on_look is None else lambda job, _: on_look(job),
    )
    verdict = Verdict(False, f"it has not ended within {timeout:g} s") if job is None else check(job)
    return Report(request, job, verdict, clock.monotonic() - began)


@dataclass(slots=True)
class _Awaited:
    """A job that was asked for, and when it is to have ended (ms)."""

    job_id: str
    workload: str
    run_date: str
    deadline: int


class Orchestrator:
    """Asks by schedule. ``entries`` is asked at every look, so that the schedule may change while it runs.

    ``since`` says from when on an entry counts (ms) that it has never seen. ``advice`` gives a request that is due for
    another reason than the time, such as drift.
    """

    def __init__(
        self,
        channel: Channel,
        warehouse: Warehouse,
        clock: Clock,
        watch: Watch,
        *,
        entries: Callable[[], Sequence[tuple[Entry, int | None]]],
        check: Callable[[Job], Verdict],
        alarm: Callable[[Alarm], object],
        missed: MissedPolicy,
        within: float,
        advice: Callable[[], JobRequest | None] | None = None,
        advice_every: float = 900.0,
    ) -> None:
        self._channel, self._warehouse, self._clock, self._watch = channel, warehouse, clock, watch
        self._entries, self._check, self._alarm, self._advice = entries, check, alarm, advice
        self._missed, self._within_ms, self._advice_every = missed, round(within * 1000), advice_every
        self._last: dict[str, int] = {}
        self._awaited: dict[str, _Awaited] = {}
        self._counters = {"asked": 0, "passed": 0, "alarms": 0, "left_out": 0}
        self._advised = -1e9

    @property
    def counters(self) -> dict[str, int]:
        """Running totals for people."""
        return dict(self._counters)

    @property
    def awaited(self) -> list[str]:
        """The jobs that it waits for."""
        return list(self._awaited)

    def run(self, stop: Callable[[], Stop], on_look: Callable[[], None] | None = None) -> dict[str, int]:
        """Go on until ``stop`` says so; returns the counters.

        A store that refuses for now is a line in the log: everything since the last commit is done again.
        """
        self.restore()
        refused = ""
        while stop() is Stop.NO:
            try:
                if refused:
                    self.restore()
                self.look()
                refused = ""
            except (StorageUnavailableError, ServiceError) as error:
                if str(error) != refused:
                    log.error("%s. %s It is tried again.", error, error.hint)
                refused = str(error)
            if on_look is not None:
                on_look()
            self._clock.sleep(_LOOK_EVERY)
        return self.counters

    def restore(self) -> None:
        """Go on where the last commit left off."""
        recovered = self._channel.recover()
        self._counters |= {name: recovered.counters.get(name, 0) for name in self._counters}
        if recovered.state is not None:
            state = json.loads(recovered.state)
            self._last = {str(text): int(at) for text, at in state["last"].items()}
            self._awaited = {one["job_id"]: _Awaited(**one) for one in state["awaited"]}

    def look(self) -> None:
        """Ask for what is due by now, and see what became of what was asked for."""
        now = self._clock.now_ms()
        before = self._state()
        asked = [request for entry, since in self._entries() for request in self._due(entry, since, now)]
        if self._advice is not None and self._clock.monotonic() - self._advised >= self._advice_every:
            self._advised = self._clock.monotonic()
            asked += self._advised_requests(self._advice)
        for request in asked:
            self._await(request, now)
        self._look_after(now)
        if asked or self._state() != before:
            self._commit(asked, now)

    def _due(self, entry: Entry, since: int | None, now: int) -> list[JobRequest]:
        last = self._last.get(entry.text, now if since is None else since)
        if last > now + _AHEAD_MS:
            log.warning("the clock was set back: '%s' is due again from now on", entry.text)
            last = now
        due = list(entry.cron.times(last, now))
        kept = self._missed.kept(entry, due)
        if len(kept) < len(due):
            self._counters["left_out"] += len(due) - len(kept)
            log.warning(
                "'%s': %d runs were missed; %d of them are left out", entry.text, len(due), len(due) - len(kept)
            )
        self._last[entry.text] = due[-1] if due else min(last, now)
        return list({request.job_id: request for request in map(entry.request_at, kept)}.values())

    def _advised_requests(self, advice: Callable[[], JobRequest | None]) -> list[JobRequest]:
        request = advice()
        if request is None:
            return []
        self._watch.look()
        under_way = [
            job.job_id
            for job in self._watch.jobs()
            if job.request.workload == request.workload and not job.state.is_final
        ]
        waiting = [one.job_id for one in self._awaited.values() if one.workload == request.workload]
        return [] if under_way or waiting else [request]

    def _await(self, request: JobRequest, now: int) -> None:
        log.info("%s: asked for (%s for %s)", request.job_id, request.workload, request.run_date)
        self._counters["asked"] += 1
        deadline = now + self._within_ms * (len(self._awaited) + 1)  # they may have to be done one after the other
        self._awaited.setdefault(
            request.job_id, _Awaited(request.job_id, request.workload, request.run_date.isoformat(), deadline)
        )

    def _look_after(self, now: int) -> None:
        if not self._awaited:
            return
        self._watch.look()
        for one in list(self._awaited.values()):
            job = self._watch.job(one.job_id)
            if job is not None and job.state.is_final:
                verdict = self._check(job)
                self._close(one, now, verdict, "was not done")
            elif now > one.deadline:
                said = "nobody has taken it" if job is None else " ".join(self._watch.state(job)).strip()
                self._close(one, now, Verdict(False, said), "has not ended in time")

    def _close(self, one: _Awaited, now: int, verdict: Verdict, problem: str) -> None:
        del self._awaited[one.job_id]
        if verdict.passed:
            self._counters["passed"] += 1
            log.info("%s: checked: %s", one.job_id, verdict.detail)
            return
        self._counters["alarms"] += 1
        self._alarm(Alarm(one.job_id, one.workload, one.run_date, problem, verdict.detail, now))

    def _commit(self, asked: Sequence[JobRequest], now: int) -> None:
        """Keep the state together with the requests; the table is told first, and told again after a crash."""
        record(self._warehouse, [asking(request, now) for request in asked])
        outgoing: list[tuple[str, Message]] = [(JOBS_TOPIC, request_message(request, at=now)) for request in asked]
        state = json.dumps(self._state()).encode()
        self._channel.commit(Commit(outgoing=outgoing, state=state, counters=self._counters))

    def _state(self) -> dict[str, Any]:
        return {"last": dict(self._last), "awaited": [asdict(one) for one in self._awaited.values()]}
