"""Publishing: everything once, in order, when it is due."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.clock import ManualClock
from fsictl.errors import StorageUnavailableError
from fsictl.ports.messenger import Messenger
from fsictl.prices.pace import AtOnce, Live, Pace, Replay
from fsictl.prices.publish import POSITION, Block, Published, publish
from fsictl.prices.simulate import simulate
from fsictl.records.encoding import decode_ticks
from fsictl.records.message import Message, Received, Reject
from fsictl.records.ticks import Ticks

BAD = Reject("malformed", "not a price", b"x,y", "file:2")


class Topics:
    """Keeps what is published, with the time of the clock."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.calls: list[list[tuple[str, Message]]] = []
        self.log: list[tuple[float, str, Message]] = []

    def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        self.calls.append(list(messages))
        self.log += [(self.clock.monotonic(), topic, message) for topic, message in messages]

    @property
    def port(self) -> Messenger:
        return cast(Messenger, self)

    def ticks(self) -> list[tuple[float, Ticks]]:
        return [
            (at, decode_ticks([Received(topic, "1", message, 0)]).ticks)
            for at, topic, message in self.log
            if topic == "prices"
        ]

    def rows(self) -> list[tuple[str, int, float, int]]:
        joined = Ticks.concat([ticks for _, ticks in self.ticks()])
        columns = (joined.timestamp.tolist(), joined.value.tolist(), joined.sequence.tolist())
        return [(joined.symbol_of(i), *row) for i, row in enumerate(zip(*columns, strict=True))]


def ticks_at(*timestamps: int) -> Ticks:
    return Ticks.of(["A"] * len(timestamps), timestamps, [float(i + 1) for i in range(len(timestamps))])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3000), max_size=30), max_size=5),
    st.integers(1, 7),
    st.sampled_from([None, 0.5, 1.0, 60.0]),
    st.sampled_from([0.0, 0.01, 0.3]),
)
def test_everything_once_in_order_and_on_time(
    blocks: list[list[int]], batch: int, speed: float | None, linger: float
) -> None:
    clock = ManualClock(0)
    topics = Topics(clock)
    pace: Pace = AtOnce() if speed is None else Replay(clock, speed)
    flat = [timestamp for block in blocks for timestamp in block]
    source = [
        Ticks.of(["A"] * len(block), block, [float(1 + len(blocks[0]) * i + n) for n in range(len(block))])
        for i, block in enumerate(blocks)
    ]
    result = publish(source, topics.port, clock=clock, pace=pace, batch=batch, linger=linger)
    assert [row[1] for row in topics.rows()] == flat
    assert result.ticks == len(flat)
    assert result.messages == len(topics.log)
    newest = 0
    for at, ticks in topics.ticks():
        assert 0 < len(ticks) <= batch
        for timestamp in ticks.timestamp.tolist():
            newest = max(newest, timestamp)
            if speed is not None:
                due = max(0, newest - flat[0]) / 1000.0 / speed
                assert due - 1e-6 <= at <= due + linger + 0.201
    seen: list[int] = []
    disorder = sum(bool(seen and timestamp < max(seen)) or bool(seen.append(timestamp)) for timestamp in flat)
    assert result.out_of_order == disorder
    assert result.event_ms == (max(flat) if flat else None)


def test_delays_do_not_add_up() -> None:
    clock = ManualClock()
    topics = Topics(clock)
    source = [ticks_at(*range(0, 600_000, 1000))]
    publish(source, topics.port, clock=clock, pace=Replay(clock, 2.0), linger=0.05)
    at, last = topics.ticks()[-1]
    assert last.timestamp[-1] == 599_000
    assert 299.5 <= at <= 299.5 + 0.25


def test_catches_up_after_a_stall() -> None:
    clock = ManualClock()
    topics = Topics(clock)
    stalls = iter([0.0, 5.0])

    publish(
        [ticks_at(*range(0, 10_000, 100))],
        topics.port,
        clock=clock,
        pace=Replay(clock),
        wait_for_room=lambda: clock.sleep(next(stalls, 0.0)),
    )
    at, last = topics.ticks()[-1]
    assert last.timestamp[-1] == 9_900
    assert 9.9 <= at < 10.2


def test_live_prices_come_at_their_time() -> None:
    clock = ManualClock(1_000_000)
    topics = Topics(clock)
    source = simulate(["EURUSD"], seed=1, start_ms=1_000_000 - 60_000)
    result = publish(source, topics.port, clock=clock, pace=Live(clock), duration=90.0)
    (first_at, first), *_ = topics.ticks()
    assert first_at == 0.0
    assert first.timestamp[-1] <= 1_000_000
    assert len(first) > 400  # the minute before now comes at once
    for at, ticks in topics.ticks()[1:]:
        late = 1_000_000 + at * 1000.0 - ticks.timestamp
        assert (late >= -1.0).all()
        assert (late <= 250.0).all()
    assert result.event_ms is not None
    assert result.event_ms < 1_000_000 + 30_000 + 100
    assert clock.monotonic() == pytest.approx(30.0, abs=0.5)


def test_duration_is_event_time_from_the_first_tick() -> None:
    clock = ManualClock()
    topics = Topics(clock)
    source = [ticks_at(500, 1000), ticks_at(1400, 1500, 900), ticks_at(2000)]
    result = publish(source, topics.port, clock=clock, pace=AtOnce(), duration=1.0)
    assert [row[1] for row in topics.rows()] == [500, 1000, 1400]
    assert result == Published(ticks=3, messages=2, event_ms=1400)


def test_endless_source_ends_with_duration() -> None:
    clock = ManualClock()
    result = publish(simulate(["EURUSD"]), Topics(clock).port, clock=clock, pace=AtOnce(), duration=130.0)
    assert result.event_ms is not None
    assert result.event_ms < 131_000


def test_stops_in_a_long_gap() -> None:
    clock = ManualClock()
    topics = Topics(clock)
    result = publish(
        [ticks_at(0, 86_400_000)],
        topics.port,
        clock=clock,
        pace=Replay(clock),
        should_stop=lambda: clock.monotonic() > 10.0,
    )
    assert result.ticks == 1
    assert clock.monotonic() < 10.5


def test_rejects_go_with_their_block() -> None:
    clock = ManualClock(77)
    topics = Topics(clock)
    source: list[Ticks | Block] = [(ticks_at(1, 2, 3), [BAD]), (Ticks.empty(), [BAD, BAD]), ticks_at(4)]
    result = publish(source, topics.port, clock=clock, pace=AtOnce(), batch=2)
    assert [[topic for topic, _ in call] for call in topics.calls] == [
        ["prices", "prices", "dead-letter"],
        ["dead-letter", "dead-letter"],
        ["prices"],
    ]
    letter = topics.calls[0][2][1]
    assert letter.data == b"x,y"
    assert letter.attributes["origin"] == "file:2"
    assert letter.attributes["timestamp"] == "77"
    assert (result.ticks, result.messages, result.rejects) == (4, 3, 3)


def test_ticks_of_one_millisecond_are_numbered_across_blocks() -> None:
    clock = ManualClock()
    topics = Topics(clock)
    publish([ticks_at(5, 5), ticks_at(5, 6)], topics.port, clock=clock, pace=AtOnce())
    assert [row[3] for row in topics.rows()] == [0, 1, 2, 0]


def test_progress_and_room() -> None:
    clock = ManualClock()
    topics = Topics(clock)
    progress: list[int] = []
    asked: list[int] = []
    publish(
        [ticks_at(*range(250)), ticks_at(300)],
        topics.port,
        clock=clock,
        pace=AtOnce(),
        batch=1,
        on_progress=lambda so_far: progress.append(so_far.ticks),
        wait_for_room=lambda: asked.append(len(topics.log)),
    )
    assert progress == [100, 200, 250, 251]
    assert asked == [0, 100, 200, 250]


def test_stopped_before_anything() -> None:
    def source() -> Iterator[Ticks]:
        yield ticks_at(1)

    clock = ManualClock()
    assert publish(source(), Topics(clock).port, clock=clock, pace=AtOnce(), should_stop=lambda: True) == Published()


def test_same_ticks_at_any_speed() -> None:
    results = []
    for speed in (None, 1000.0):
        clock = ManualClock()
        topics = Topics(clock)
        pace: Pace = AtOnce() if speed is None else Replay(clock, speed)
        publish(simulate(["EURUSD", "USDJPY"], duration=120.0), topics.port, clock=clock, pace=pace)
        results.append(topics.rows())
    assert results[0] == results[1]
    assert np.all(np.diff([row[1] for row in results[0]]) >= 0)


class Refusing(Topics):
    """Takes the first calls, refuses some, then takes all; or kills the program after some."""

    def __init__(self, clock: ManualClock, *, refuses: range = range(0), dies_after: int = 10**9) -> None:
        super().__init__(clock)
        self.refuses, self.dies_after, self.asked = refuses, dies_after, 0

    def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        self.asked += 1
        if self.asked in self.refuses:
            message = "full"
            raise StorageUnavailableError(message, hint="Free some space.")
        if len(self.calls) >= self.dies_after:
            raise KeyboardInterrupt
        super().publish(messages)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3000), max_size=12), min_size=1, max_size=6),
    st.integers(1, 5),
    st.lists(st.integers(0, 6), max_size=4),
)
def test_a_publisher_that_is_killed_and_resumed_publishes_everything_once(
    blocks: list[list[int]], batch: int, lives: list[int]
) -> None:
    source = [ticks_at(*block) for block in blocks]
    calm = Topics(ManualClock())
    publish(source, calm.port, clock=calm.clock, pace=AtOnce(), batch=batch, name="it")
    rows: list[tuple[str, int, float, int]] = []
    done = 0
    for life in [*lives, 10**9]:
        topics = Refusing(ManualClock(), dies_after=life)
        with contextlib.suppress(KeyboardInterrupt):
            publish(source, topics.port, clock=topics.clock, pace=AtOnce(), batch=batch, name="it", done=done)
        rows += topics.rows()
        positions = [int(message.attributes[POSITION]) for _, _, message in topics.log]
        done = positions[-1] if positions else done
    assert rows == calm.rows()
    assert done == len(rows)


def test_what_is_refused_for_now_is_sent_again_until_it_is_taken() -> None:
    topics, refusals = Refusing(ManualClock(), refuses=range(2, 9)), []
    source = [ticks_at(1000), ticks_at(2000), ticks_at(3000)]
    sent = publish(source, topics.port, clock=topics.clock, pace=AtOnce(), on_refusal=refusals.append)
    assert [row[1] for row in topics.rows()] == [1000, 2000, 3000]
    assert sent.ticks == 3
    assert len(refusals) == 7
    assert topics.clock.monotonic() >= 0.5 + 1 + 2 + 4 + 8 + 10 + 10


def test_a_refusal_of_the_very_first_is_said_at_once() -> None:
    topics = Refusing(ManualClock(), refuses=range(1, 2))
    with pytest.raises(StorageUnavailableError):
        publish([ticks_at(1000)], topics.port, clock=topics.clock, pace=AtOnce())


def test_a_refused_publisher_can_be_stopped() -> None:
    topics = Refusing(ManualClock(), refuses=range(2, 10**9))
    with pytest.raises(StorageUnavailableError):
        publish(
            [ticks_at(1000), ticks_at(2000)], topics.port, clock=topics.clock, pace=AtOnce(),
            should_stop=lambda: topics.clock.monotonic() > 60,
        )  # fmt: skip


def test_a_resumed_replay_does_not_wait_for_what_it_passes_over() -> None:
    topics = Topics(ManualClock())
    source = [ticks_at(0, 3_600_000, 3_601_000)]
    publish(source, topics.port, clock=topics.clock, pace=Replay(topics.clock, 1.0), done=1)
    assert [row[1] for row in topics.rows()] == [3_600_000, 3_601_000]
    assert topics.clock.monotonic() < 2
