"""Events of jobs as messages of the topic ``job-events``, and as rows of the table ``job_events``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from fsictl.errors import FsictlError, InputError
from fsictl.jobs.request import JobRequest, request_of
from fsictl.jobs.states import JobEvent, State
from fsictl.records.message import Message
from fsictl.records.schemas import JOB_EVENTS

if TYPE_CHECKING:
    import pyarrow as pa


def event_message(event: JobEvent) -> Message:
    """The event as a message: what everybody needs in its body, the request and its place in the attributes."""
    body = {"job_id": event.job_id, "state": event.state.value, "at": event.at, "detail": event.detail}
    attributes = {
        "timestamp": str(event.at),
        "symbol": "",
        "job_id": event.job_id,
        "workload": event.request.workload,
        "run_date": event.request.run_date.isoformat(),
        "params": json.dumps(dict(event.request.params), sort_keys=True),
        "since": str(event.since),
        "round": str(event.round),
        "attempt": str(event.attempt),
    }
    if event.result is not None:
        attributes["result"] = event.result
    if event.again:
        attributes["again"] = "true"
    return Message(json.dumps(body, ensure_ascii=False).encode(), attributes)


def read_event(message: Message) -> JobEvent:
    """The event in a message of ``job-events``; ``InputError`` when there is none in it."""
    try:
        body, told = json.loads(message.data), message.attributes
        request = request_of(told["workload"], told["run_date"], json.loads(told["params"]))
        if body["job_id"] != request.job_id:
            raise ValueError
        return JobEvent(
            request,
            State(body["state"]),
            int(body["at"]),
            int(told["since"]),
            int(told["round"]),
            int(told["attempt"]),
            str(body["detail"]),
            told.get("result"),
            told.get("again") == "true",
        )
    except (ValueError, KeyError, TypeError, AttributeError, FsictlError) as error:
        text = "this is not an event of a job"
        raise InputError(text, hint="See docs/jobs.md for what job-events carries.") from error


def event_rows(events: Iterable[JobEvent]) -> pa.Table:
    """The events as rows of ``job_events``."""
    from fsictl.records.arrow import table_of

    rows = [_row(event) for event in events]
    return table_of(JOB_EVENTS, {name: [row[name] for row in rows] for name in JOB_EVENTS.names})


def _row(event: JobEvent) -> dict[str, Any]:
    return {
        "job_id": event.job_id,
        "round": event.round,
        "attempt": event.attempt,
        "state": "again" if event.again else event.state.value,
        "at": event.at,
        "since": event.since,
        "workload": event.request.workload,
        "run_date": event.request.run_date.isoformat(),
        "params": json.dumps(dict(event.request.params), sort_keys=True),
        "detail": event.detail,
        "result": event.result,
    }


def events_of(rows: pa.Table) -> list[JobEvent]:
    """The events that rows of ``job_events`` tell."""
    return [_event(row) for row in rows.to_pylist()]


def _event(row: Mapping[str, Any]) -> JobEvent:
    request = JobRequest(row["workload"], date.fromisoformat(row["run_date"]), json.loads(row["params"]))
    again = row["state"] == "again"
    state = State.REQUESTED if again else State(row["state"])
    return JobEvent(
        request,
        state,
        row["at"],
        row["since"],
        row["round"],
        row["attempt"],
        row["detail"],
        row["result"],
        again,
    )
