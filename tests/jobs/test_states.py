from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.jobs.request import request_of
from fsictl.jobs.states import JobEvent, State, fold, join, state_at

RFM = request_of("rfm", "2026-01-31")

moments = st.integers(0, 50)
askings = st.builds(
    lambda at, again: JobEvent(RFM, State.REQUESTED, at, at, again=again), at=moments, again=st.booleans()
)
happenings = st.builds(
    lambda state, at, length, number, attempt, detail: JobEvent(RFM, state, at + length, at, number, attempt, detail),
    state=st.sampled_from(State),
    at=moments,
    length=st.integers(0, 5),
    number=st.integers(1, 2),
    attempt=st.integers(1, 3),
    detail=st.sampled_from(["", "a", "b"]),
)
stories = st.lists(askings | happenings, min_size=1, max_size=12)


@settings(deadline=None)
@given(stories, st.randoms(use_true_random=False), st.data())
def test_order_and_repetition_change_nothing(story: list[JobEvent], chance: object, data: st.DataObject) -> None:
    once = fold(story)
    again = data.draw(st.permutations(story + data.draw(st.lists(st.sampled_from(story), max_size=5))))
    assert fold(again) == once


@settings(deadline=None)
@given(stories)
def test_nothing_makes_an_ended_attempt_run_again(story: list[JobEvent]) -> None:
    job = fold(story)[RFM.job_id]
    ended = [event.place for event in story if event.state.is_final and event.round]
    running = [event.place for event in story if event.state is State.RUNNING]
    if job.state is State.RUNNING:
        assert max(running) > max(ended, default=(0, 0, 0))


@settings(deadline=None)
@given(stories, moments)
def test_nobody_runs_for_ever(story: list[JobEvent], lease: int) -> None:
    job = fold(story)[RFM.job_id]
    state, _ = state_at(job, 1_000, lease)
    assert state is not State.RUNNING


def _told(*events: JobEvent) -> State:
    return fold(events)[RFM.job_id].state


def asked(at: int, *, again: bool = False) -> JobEvent:
    return JobEvent(RFM, State.REQUESTED, at, at, again=again)


def ended(state: State, at: int, number: int = 1, attempt: int = 1) -> JobEvent:
    return JobEvent(RFM, state, at, at, number, attempt)


def test_asking_after_a_failure_opens_the_job_again_and_after_a_success_only_if_insisted_on() -> None:
    for state in (State.FAILED, State.CANCELLED):
        assert _told(asked(1), ended(state, 5)) is state
        assert _told(asked(1), ended(state, 5), asked(5)) is state
        assert _told(asked(1), ended(state, 5), asked(6)) is State.REQUESTED
    assert _told(asked(1), ended(State.SUCCEEDED, 5), asked(6)) is State.SUCCEEDED
    assert _told(asked(1), ended(State.SUCCEEDED, 5), asked(6, again=True)) is State.REQUESTED
    assert _told(asked(1), ended(State.FAILED, 5), asked(6), ended(State.SUCCEEDED, 9, number=2)) is State.SUCCEEDED


def test_a_later_attempt_counts_though_an_earlier_one_is_told_of_later() -> None:
    assert _told(ended(State.RUNNING, 9, attempt=2), ended(State.FAILED, 99, attempt=1)) is State.RUNNING


def test_of_two_ends_the_first_counts() -> None:
    job = join(join(None, ended(State.SUCCEEDED, 5)), ended(State.FAILED, 6))
    assert job.state is State.SUCCEEDED


def test_signs_of_life_keep_a_job_running_and_silence_does_not() -> None:
    job = fold([ended(State.RUNNING, 1_000), ended(State.RUNNING, 60_000)])[RFM.job_id]
    assert job.since == 1_000
    assert state_at(job, 120_000, 60_000)[0] is State.RUNNING
    state, detail = state_at(job, 120_001, 60_000)
    assert state is State.FAILED
    assert "not been heard of for 60 s" in detail
