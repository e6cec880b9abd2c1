"""What the table ``job_events`` knows of jobs, and how something that happened gets there and onto the topic."""

from __future__ import annotations

from collections.abc import Sequence

from fsictl.jobs.events import event_message, event_rows, events_of
from fsictl.jobs.request import AGAIN, JobRequest, request_message
from fsictl.jobs.states import Job, JobEvent, State, fold
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.message import Message
from fsictl.records.schemas import JOB_EVENTS, JOB_EVENTS_TOPIC, JOBS_TOPIC


def known_jobs(warehouse: Warehouse, since: int | None = None) -> dict[str, Job]:
    """Every job of which something happened after that time (ms), by its id; all of them without it."""
    return fold(events_of(warehouse.read(JOB_EVENTS.name, start=since)))


def record(warehouse: Warehouse, events: Sequence[JobEvent]) -> None:
    """Keep events in the table; the same again changes nothing."""
    if events:
        warehouse.write(JOB_EVENTS.name, event_rows(events))


def ask(
    request: JobRequest, *, messenger: Messenger, warehouse: Warehouse, now: int, action: str | None = None
) -> JobEvent:
    """Ask for a job at ``now`` (ms), and keep that it was asked for; returns that event.

    The messages are durable before the table is written, so that a job that is known is one that a worker gets.
    """
    event = asking(request, now, action)
    messenger.publish(asking_messages(event, action))
    record(warehouse, [event])
    return event


def asking(request: JobRequest, now: int, action: str | None = None) -> JobEvent:
    """That a job is asked for, as an event."""
    return JobEvent(request, State.REQUESTED, now, now, again=action == AGAIN)


def asking_messages(event: JobEvent, action: str | None = None) -> list[tuple[str, Message]]:
    """The messages by which a job is asked for."""
    return [
        (JOBS_TOPIC, request_message(event.request, at=event.at, action=action)),
        (JOB_EVENTS_TOPIC, event_message(event)),
    ]
