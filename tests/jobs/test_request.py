from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.errors import InputError, UsageError
from fsictl.jobs.catalogue import WORKLOADS
from fsictl.jobs.events import event_message, event_rows, events_of, read_event
from fsictl.jobs.request import JobRequest, is_job_id, read_request, request_message, request_of
from fsictl.jobs.states import JobEvent, State
from fsictl.records.message import Message

words = st.text("abcXYZ019_.-/", min_size=1, max_size=8)
requests = st.one_of(
    st.builds(lambda day: request_of("rfm", day), st.dates().map(str)),
    st.builds(
        lambda day, seed, hours, symbol: request_of("train", day, {"seed": seed, "hours": hours, "symbol": symbol}),
        st.dates().map(str),
        st.integers(0, 2**32 - 1),
        st.floats(0.1, 8000),
        words,
    ),
)
events = st.builds(
    JobEvent,
    request=requests,
    state=st.sampled_from(State),
    at=st.integers(0, 2**50),
    since=st.integers(0, 2**50),
    round=st.integers(1, 9),
    attempt=st.integers(1, 9),
    detail=st.text(st.characters(exclude_categories=("Cs",))),
    result=st.none() | st.just('{"rows": 1}'),
)


@settings(deadline=None)
@given(requests)
def test_a_request_survives_its_message(request_: JobRequest) -> None:
    message = request_message(request_, at=7)
    assert read_request(message) == request_
    assert json.loads(message.data) == {
        "job_id": request_.job_id,
        "workload": request_.workload,
        "run_date": str(request_.run_date),
        "params": dict(request_.params),
    }
    assert message.attributes["timestamp"] == "7"
    assert message.attributes["symbol"] == ""
    assert is_job_id(request_.job_id)


@settings(deadline=None)
@given(events)
def test_an_event_survives_its_message_and_its_row(event: JobEvent) -> None:
    message = event_message(event)
    assert read_event(message) == event
    assert set(json.loads(message.data)) == {"job_id", "state", "at", "detail"}
    assert events_of(event_rows([event])) == [event]


def test_the_same_wish_in_other_words_is_the_same_job() -> None:
    one = request_of("train", "2026-01-31", {"seed": 7, "hours": "24", "until": "2026-01-31T01:00:00+01:00"})
    other = request_of("train", "2026-01-31", {"until": "1769817600000", "hours": 24.0, "seed": "007"})
    assert one == other
    assert one.job_id == other.job_id


def test_other_wishes_are_other_jobs() -> None:
    wishes = [
        request_of("sql", "2026-01-31"),
        request_of("rfm", "2026-01-31"),
        request_of("sql", "2026-01-30"),
        request_of("sql", "2026-01-31", {"select": "rfm_customers"}),
    ]
    assert len({wish.job_id for wish in wishes}) == len(wishes)


@pytest.mark.parametrize(
    ("workload", "day", "params"),
    [
        ("nothing", "2026-01-31", {}),
        ("rfm", "2026-1-31", {}),
        ("rfm", "2026-02-30", {}),
        ("rfm", "tomorrow", {}),
        ("rfm", "20260131", {}),
        ("rfm", "2026-01-31T00:00", {}),
        ("rfm", "２０２６-01-31", {}),
        ("rfm", "2026-01-31", {"symbol": "EURUSD"}),
        ("train", "2026-01-31", {"seed": "-1"}),
        ("train", "2026-01-31", {"hours": "nan"}),
        ("train", "2026-01-31", {"hours": True}),
        ("train", "2026-01-31", {"until": "later"}),
        ("train", "2026-01-31", {"until": "9" * 30}),
        ("score", "2026-01-31", {"symbol": "EUR;USD"}),
        ("sql", "2026-01-31", {"select": "x" * 300}),
    ],
)
def test_what_is_no_request_is_refused(workload: str, day: str, params: dict[str, object]) -> None:
    with pytest.raises(UsageError) as refused:
        request_of(workload, day, params)
    assert refused.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"workload": "rfm"}',
        b'{"workload": "rfm", "run_date": "2026-01-31", "params": []}',
        b'{"workload": "rfm", "run_date": "2026-01-31", "job_id": "rfm-20260131-000000000000"}',
        b'{"workload": ["rfm"], "run_date": "2026-01-31"}',
        b"[" * 100_000,
    ],
)
def test_bytes_that_are_no_request_are_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError):
        read_request(Message(data, {}))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_request_or_an_input_error(data: bytes) -> None:
    for read in (read_request, read_event):
        with pytest.raises(InputError):
            read(Message(data, {}))


def test_the_job_id_may_be_left_out_of_a_message() -> None:
    message = Message(b'{"workload": "rfm", "run_date": "2026-01-31"}', {})
    assert read_request(message) == request_of("rfm", "2026-01-31")


def test_every_workload_says_what_it_and_its_parameters_mean() -> None:
    assert set(WORKLOADS) == {"train", "score", "sql", "rfm"}
    assert all(kind.meaning and all(one.meaning for one in kind.parameters.values()) for kind in WORKLOADS.values())
