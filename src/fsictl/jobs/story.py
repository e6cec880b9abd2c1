"""The story of one job: what happened to it and what its workload logged, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass

from fsictl.errors import InputError
from fsictl.jobs.events import events_of, read_event
from fsictl.jobs.states import JobEvent
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import JOB_EVENTS, JOB_EVENTS_TOPIC


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened (ms), or, with the state running, one line of the workload's log."""

    at: int
    attempt: int
    state: str
    detail: str


def story_of(job_id: str, *, messenger: Messenger, warehouse: Warehouse) -> list[Chapter]:
    """Everything that is still kept of a job.

    Changes of state come from the table, which keeps them; lines of the log from the topic, where there is a way to
    read it again.
    """
    told = {
        (event.since, *event.place): event
        for event in events_of(warehouse.read(JOB_EVENTS.name))
        if event.job_id == job_id
    }
    chapters = [(event.since, *event.place, 0, _chapter(event)) for event in told.values()]
    for number, event in enumerate(_lines(job_id, messenger)):
        chapters.append((event.at, *event.place, number + 1, _chapter(event, event.at)))
    return [chapter for *_, chapter in sorted(chapters, key=lambda one: one[:-1])]


def _chapter(event: JobEvent, at: int | None = None) -> Chapter:
    state = "asked again" if event.again else "asked" if event.round == 0 else event.state.value
    return Chapter(event.since if at is None else at, event.attempt, state, event.detail)


def _lines(job_id: str, messenger: Messenger) -> list[JobEvent]:
    """What the workload logged, as far as the topic keeps it."""
    found: list[JobEvent] = []
    after: str | None = None
    while received := messenger.read(JOB_EVENTS_TOPIC, after):
        after = received[-1].id
        for item in received:
            if item.message.attributes.get("job_id") != job_id:
                continue
            try:
                event = read_event(item.message)
            except InputError:
                continue
            if event.state == "running" and event.detail:
                found.append(event)
    return found
