from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.conftest import NOON, RFM, SUCCESS, FakeWork, Place, steps
from tests.streams.channels import CrashError, MemoryChannel

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.errors import BusyError
from fsictl.jobs.history import ask, known_jobs
from fsictl.jobs.process import Outcome
from fsictl.jobs.request import AGAIN, CANCEL, request_message, request_of
from fsictl.jobs.states import State, state_at
from fsictl.jobs.story import story_of
from fsictl.jobs.worker import Worker, WorkerRules
from fsictl.records.message import Message
from fsictl.records.schemas import DEAD_LETTER_TOPIC, JOBS_TOPIC
from fsictl.streams.pipeline import Stop

OTHER = request_of("rfm", "2026-01-29")


def test_a_job_goes_from_requested_to_succeeded(place: Place) -> None:
    place.ask()
    assert place.job().state is State.REQUESTED
    with place.worker() as worker:
        steps(worker, 1)
        assert place.job().state is State.RUNNING
        place.begun[0].said = ["one", "two"]
        place.begun[0].end = SUCCESS
        steps(worker)
        assert worker.is_idle
    job = place.job()
    assert job.state is State.SUCCEEDED
    assert job.detail == "all was made"
    assert job.latest is not None
    assert job.latest.result == '{"rows": 7}'
    assert place.states() == ["requested", "requested", "running", "succeeded"]


def test_the_story_of_a_job_has_its_states_and_its_log_in_order(place: Place) -> None:
    place.ask()
    with place.worker() as worker:
        steps(worker, 1)
        place.clock.sleep(5.0)
        place.begun[0].said = ["one", "two"]
        steps(worker, 1)
        place.clock.sleep(5.0)
        place.begun[0].end = SUCCESS
        steps(worker, 1)
    story = story_of(RFM.job_id, messenger=place.messenger, warehouse=place.warehouse)
    assert [(one.state, one.detail) for one in story] == [
        ("asked", ""),
        ("requested", ""),
        ("running", ""),
        ("running", "one"),
        ("running", "two"),
        ("succeeded", "all was made"),
    ]
    assert [one.at for one in story] == sorted(one.at for one in story)


def test_asked_for_many_times_is_done_once(place: Place) -> None:
    for _ in range(3):
        place.ask()
    with place.worker() as worker:
        steps(worker)
        place.ask()
        steps(worker)
        place.begun[0].end = SUCCESS
        steps(worker)
        place.ask()
        steps(worker)
    assert len(place.begun) == 1
    assert place.job().state is State.SUCCEEDED


def test_insisting_does_it_again(place: Place) -> None:
    place.ask()
    with place.worker() as worker:
        steps(worker)
        place.begun[0].end = SUCCESS
        steps(worker)
        place.ask(action=AGAIN)
        assert place.job().state is State.REQUESTED
        steps(worker)
        assert (place.job().state, place.job().round) == (State.RUNNING, 2)


def test_a_failure_is_final_until_somebody_asks_again(place: Place) -> None:
    place.ask()
    with place.worker() as worker:
        steps(worker)
        place.begun[0].end = Outcome(False, "there is no row")
        steps(worker, 5)
        assert (place.job().state, place.job().detail) == (State.FAILED, "there is no row")
        assert len(place.begun) == 1
        place.ask()
        steps(worker)
        place.begun[1].end = SUCCESS
        steps(worker)
    assert place.job().state is State.SUCCEEDED


def test_what_passes_is_tried_again_and_not_without_end(place: Place) -> None:
    place.ask()
    with place.worker(WorkerRules(attempts=3)) as worker:
        for attempt in range(1, 4):
            steps(worker)
            assert len(place.begun) == attempt
            place.begun[-1].end = Outcome(False, "it was killed by SIGKILL", passing=True)
            steps(worker)
            assert len(place.begun) == attempt, "it waits before it tries again"
            place.clock.sleep(60.0)
    job = place.job()
    assert (job.state, job.attempt) == (State.FAILED, 3)
    assert job.detail == "attempt 3 of 3: it was killed by SIGKILL"


def test_a_worker_that_dies_leaves_nothing_running(place: Place) -> None:
    place.ask()
    for attempt in range(1, 4):
        with place.worker(WorkerRules(attempts=3)) as worker:
            steps(worker)
            place.clock.sleep(60.0)
            steps(worker)
            assert (place.job().state, place.job().attempt) == (State.RUNNING, attempt)
    with place.worker(WorkerRules(attempts=3)) as worker:
        assert worker.is_idle
    assert place.job().state is State.FAILED
    assert place.job().detail == "attempt 3 of 3: its worker was gone"


def test_a_job_without_a_worker_stops_running_when_its_lease_is_over(place: Place) -> None:
    place.ask()
    with place.worker() as worker:
        steps(worker)
        for _ in range(10):
            place.clock.sleep(20.0)
            steps(worker, 1)
            assert state_at(place.job(), place.clock.now_ms(), 60_000)[0] is State.RUNNING
    place.clock.sleep(61.0)
    assert state_at(place.job(), place.clock.now_ms(), 60_000)[0] is State.FAILED


def test_of_several_workers_one_takes_up_what_another_left_only_after_its_lease(place: Place) -> None:
    place.ask()
    with place.worker() as worker:
        steps(worker)
    many = WorkerRules(alone=False, lease=60.0)
    with place.worker(many) as worker:
        place.clock.sleep(40.0)
        steps(worker)
        assert worker.is_idle
        place.clock.sleep(40.0)
        steps(worker)
        place.clock.sleep(10.0)
        steps(worker)
        assert not worker.is_idle
    assert len(place.begun) == 2


def test_a_worker_that_is_stopped_puts_its_work_back(place: Place) -> None:
    place.ask()
    answers = iter([Stop.NO, Stop.NO, Stop.NOW])
    with place.worker() as worker:
        worker.run(lambda: next(answers))
    assert place.begun[0].killed
    assert place.job().state is State.REQUESTED
    with place.worker() as worker:
        steps(worker)
        place.begun[1].end = SUCCESS
        steps(worker)
    assert place.job().state is State.SUCCEEDED


def test_draining_finishes_what_waits(place: Place) -> None:
    place.ask()
    place.ask(OTHER)

    def stop() -> Stop:
        for work in place.begun:
            work.end = SUCCESS
        return Stop.DRAIN

    with place.worker() as worker:
        worker.run(stop)
    assert {job.state for job in known_jobs(place.warehouse).values()} == {State.SUCCEEDED}


def test_no_more_than_allowed_run_at_once(place: Place) -> None:
    for day in range(1, 6):
        place.ask(request_of("rfm", f"2026-01-0{day}"))
    with place.worker(WorkerRules(parallel=2)) as worker:
        steps(worker, 3)
        assert len(place.begun) == 2
        place.begun[0].end = SUCCESS
        steps(worker)
        assert len(place.begun) == 3


def test_what_takes_too_long_is_ended(place: Place) -> None:
    place.ask()
    with place.worker(WorkerRules(longest=3600.0)) as worker:
        steps(worker)
        place.clock.sleep(3601.0)
        steps(worker)
        assert place.begun[0].killed
    assert place.job().state is State.FAILED
    assert "longer than 1 hours" in place.job().detail


def test_a_job_can_be_cancelled_while_it_waits_and_while_it_runs(place: Place) -> None:
    place.ask()
    place.ask(OTHER)
    with place.worker() as worker:
        steps(worker)
        for request in (RFM, OTHER):
            place.messenger.publish([(JOBS_TOPIC, request_message(request, at=NOON, action=CANCEL))])
        steps(worker)
        assert worker.is_idle
    assert place.begun[0].killed
    assert [place.job(request).state for request in (RFM, OTHER)] == [State.CANCELLED, State.CANCELLED]
    assert len(place.begun) == 1


def test_a_request_before_its_cancellation_was_taken_is_cancelled(place: Place) -> None:
    place.messenger.publish([(JOBS_TOPIC, request_message(RFM, at=NOON, action=CANCEL))])
    with place.worker() as worker:
        steps(worker)
    assert known_jobs(place.warehouse) == {}


def test_a_run_date_in_the_future_fails_at_once(place: Place) -> None:
    future = request_of("rfm", "2026-02-01")
    place.ask(future)
    with place.worker() as worker:
        steps(worker)
    assert place.begun == []
    assert place.job(future).state is State.FAILED
    assert "has not come yet" in place.job(future).detail


def test_what_cannot_be_read_is_kept_and_stops_nobody(place: Place) -> None:
    bad = [b"", b"{", b'{"workload": "rfm", "run_date": "31.1.2026"}', b'{"workload": "rm", "run_date": "2026-01-31"}']
    place.messenger.publish([(JOBS_TOPIC, Message(data, {})) for data in bad])
    place.ask()
    with place.worker() as worker:
        steps(worker)
        assert worker.counters["rejected"] == len(bad)
    letters = place.messenger.read(DEAD_LETTER_TOPIC)
    assert sorted(letter.message.data for letter in letters) == sorted(bad)
    assert {letter.message.attributes["reason"] for letter in letters} == {"malformed"}
    assert place.job().state is State.RUNNING


def test_there_is_one_worker_at_a_time(place: Place) -> None:
    with place.worker(), pytest.raises(BusyError), place.worker():
        pass


def test_a_clock_that_is_set_back_does_not_reopen_a_job_or_hide_its_end(place: Place) -> None:
    asked = place.ask()
    place.clock._start_ms -= 3_600_000
    with place.worker() as worker:
        steps(worker)
        place.begun[0].end = SUCCESS
        steps(worker)
    job = place.job()
    assert job.state is State.SUCCEEDED
    assert job.since >= asked.at


def test_messages_in_any_order_leave_the_same_jobs(place: Place) -> None:
    """A worker gets the cancellation before the request, and old requests after new ones."""
    place.ask(OTHER)
    late = request_message(OTHER, at=NOON - 86_400_000)
    with place.worker() as worker:
        steps(worker)
        place.begun[0].end = Outcome(False, "no")
        steps(worker)
        place.messenger.publish([(JOBS_TOPIC, late)])
        steps(worker)
    assert place.job(OTHER).state is State.FAILED
    assert len(place.begun) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6))
def test_a_crash_at_any_commit_loses_and_doubles_nothing(
    tmp_path_factory: pytest.TempPathFactory, first: int, second: int
) -> None:
    clock = ManualClock(NOON)
    warehouse = LocalWarehouse(tmp_path_factory.mktemp("w"), clock)
    wishes = [request_of("rfm", f"2026-01-0{day}") for day in range(1, 4)]
    messages = [(JOBS_TOPIC, request_message(wish, at=NOON)) for wish in [*wishes, *wishes]]
    channel = MemoryChannel(messages, crash_at=[first, first + second])

    def begin(request: object) -> FakeWork:
        return FakeWork(request, SUCCESS)  # type: ignore[arg-type]

    for _ in range(3):
        channel.recover()
        worker = Worker(channel, warehouse, clock, begin, WorkerRules(attempts=9))
        try:
            worker.recover(everything=True)
            for _ in range(12):
                worker.step(0.0)
                clock.sleep(600.0)
        except CrashError:
            continue
        assert worker.is_idle
    jobs = known_jobs(warehouse)
    assert set(jobs) == {wish.job_id for wish in wishes}
    assert {job.state for job in jobs.values()} == {State.SUCCEEDED}
    assert {job.round for job in jobs.values()} == {1}


def test_asking_is_durable_before_it_is_known(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the table cannot be written, the worker gets the request all the same."""

    def refuse(*_: object) -> None:
        message = "the disk is full"
        raise OSError(message)

    with monkeypatch.context() as patched:
        patched.setattr(place.warehouse, "write", refuse)
        with pytest.raises(OSError, match="full"):
            ask(RFM, messenger=place.messenger, warehouse=place.warehouse, now=NOON)
    with place.worker() as worker:
        steps(worker)
    assert place.job().state is State.RUNNING
