from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.streams.channels import CrashError, MemoryChannel

from fsictl.clock import ManualClock
from fsictl.errors import InputError
from fsictl.metrics.backfill import backfill
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.records.encoding import decode_rows, encode_end_of_input, encode_ticks
from fsictl.records.message import Message, Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC, METRICS, METRICS_TOPIC, PRICES_TOPIC
from fsictl.records.ticks import Ticks
from fsictl.streams.metrics import MetricsPipeline
from fsictl.streams.pipeline import Stop, run_pipeline

START = 1_577_916_000_000
PARAMETERS = MetricsParameters(window=20, max_gap=10)


def _pipeline(clock: ManualClock, parameters: MetricsParameters = PARAMETERS) -> MetricsPipeline:
    return MetricsPipeline(parameters, clock, allowed_lateness=2.0, idle_timeout=5.0)


def _ticks(seed: int, count: int = 300) -> Ticks:
    """Ticks in order with gaps, two symbols, of which one goes silent for longer than is filled."""
    random_numbers = np.random.default_rng(seed)
    step = random_numbers.choice([0, 120, 700, 3_000, 25_000], count, p=[0.1, 0.4, 0.3, 0.19, 0.01])
    symbols = random_numbers.choice(["A", "B"], count, p=[0.9, 0.1]).tolist()
    prices = np.round(1.1 + np.cumsum(random_numbers.normal(0, 1e-4, count)), 5)
    return Ticks.of(symbols, (START + np.cumsum(step)).tolist(), prices.tolist())


def _messages(ticks: Ticks, cuts: Sequence[int]) -> list[tuple[str, Message]]:
    edges = [0, *sorted(cut % len(ticks) for cut in cuts), len(ticks)]
    parts = [ticks.take(slice(a, b)) for a, b in itertools.pairwise(edges) if b > a]
    messages = [(PRICES_TOPIC, encode_ticks(part)) for part in parts]
    return [*messages, (PRICES_TOPIC, encode_end_of_input(int(ticks.timestamp.max())))]


def _rows(outgoing: Sequence[tuple[str, Message]]) -> pa.Table:
    received = [Received(topic, "1", message, 0) for topic, message in outgoing if topic == METRICS_TOPIC]
    return decode_rows(METRICS, received).table.sort_by([("symbol", "ascending"), ("timestamp", "ascending")])


def _expected(ticks: Ticks) -> pa.Table:
    return pa.concat_tables([table_of_block(block) for block in backfill(ticks, PARAMETERS)])


def _drain(channel: MemoryChannel, pipeline: MetricsPipeline, clock: ManualClock, messages: int) -> None:
    run_pipeline(pipeline, channel, clock, poll=0.0, messages=messages, stop=lambda: Stop.DRAIN)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 10_000), max_size=8),
    st.lists(st.integers(1, 12), max_size=4),
    st.integers(1, 6),
)
def test_rows_are_those_of_the_backfill_whatever_the_messages_and_crashes(
    seed: int, cuts: list[int], crashes: list[int], pulled: int
) -> None:
    ticks = _ticks(seed)
    clock = ManualClock(START + 10**9)
    channel = MemoryChannel(_messages(ticks, cuts), crash_at=crashes)
    for _ in range(len(crashes) + 1):
        try:
            _drain(channel, _pipeline(clock), clock, pulled)
            break
        except CrashError:
            continue
    found = _rows(channel.outgoing)
    assert found.equals(_expected(ticks))
    assert channel.counters["rows"] == found.num_rows
    assert channel.counters["ticks"] == len(ticks)


def test_a_late_tick_goes_to_the_dead_letters_and_changes_no_row() -> None:
    clock = ManualClock(START + 10**9)
    ticks = Ticks.of(["A", "B"], [START, START + 60_000], [1.0, 2.0])
    late = Ticks.of(["A"], [START + 500], [9.0])
    channel = MemoryChannel([*_messages(ticks, [])[:-1], *_messages(late, [])[:-1], *_messages(ticks, [])[-1:]])
    _drain(channel, _pipeline(clock), clock, 1)
    assert channel.counters["late"] == 1
    letters = [message for topic, message in channel.outgoing if topic == DEAD_LETTER_TOPIC]
    assert [(letter.attributes["reason"], letter.attributes["symbol"]) for letter in letters] == [("late", "A")]
    assert b"9.0" in letters[0].data
    assert _rows(channel.outgoing).equals(_expected(ticks))


def test_a_malformed_message_goes_to_the_dead_letters_and_the_rest_is_computed() -> None:
    clock = ManualClock(START + 10**9)
    ticks = _ticks(1)
    first, *rest = _messages(ticks, [100])
    bad = (PRICES_TOPIC, Message(b"{not json", {"timestamp": "1", "symbol": "A"}))
    channel = MemoryChannel([first, bad, *rest])
    _drain(channel, _pipeline(clock), clock, 2)
    letters = [message for topic, message in channel.outgoing if topic == DEAD_LETTER_TOPIC]
    assert [letter.data for letter in letters] == [b"{not json"]
    assert channel.counters["rejected"] == 1
    assert _rows(channel.outgoing).equals(_expected(ticks))


def _received(ticks: Ticks) -> list[Received]:
    return [Received(PRICES_TOPIC, "1", encode_ticks(ticks), 0)]


def test_a_quiet_live_topic_follows_the_wall_clock_after_the_idle_timeout() -> None:
    clock = ManualClock(START)
    pipeline = _pipeline(clock)
    pipeline.step(_received(Ticks.of(["A"], [START], [1.0])))
    clock.sleep(4.9)
    assert pipeline.step([]).outgoing == []
    clock.sleep(0.2)
    rows = _rows(pipeline.step([]).outgoing)
    assert rows.column("GAP_FILLED").to_pylist() == [False, True, True]  # up to 5.1 s less 2 s of lateness
    clock.sleep(60)
    assert _rows(pipeline.step([]).outgoing).num_rows == PARAMETERS.max_gap + 1 - 3
    clock.sleep(60)
    assert pipeline.step([]).outgoing == []


def test_an_old_straggler_does_not_end_a_live_topic() -> None:
    clock = ManualClock(START)
    pipeline = _pipeline(clock)
    pipeline.step(_received(Ticks.of(["A"], [START], [1.0])))
    pipeline.step(_received(Ticks.of(["B"], [START - 120_000], [1.0])))
    clock.sleep(5.1)
    assert _rows(pipeline.step([]).outgoing).num_rows > 0


def test_old_prices_are_never_live_so_a_pause_of_the_replay_makes_nothing_late() -> None:
    clock = ManualClock(START + 10**9)
    pipeline = _pipeline(clock)
    pipeline.step(_received(Ticks.of(["A"], [START], [1.0])))
    clock.sleep(3600)
    assert pipeline.step([]).outgoing == []
    pipeline.step(_received(Ticks.of(["A"], [START + 100], [1.5])))
    rows = _rows(pipeline.step(_received(Ticks.of(["A"], [START + 5_000], [2.0]))).outgoing)
    assert rows.column("LAST").to_pylist() == [1.5, 1.5, 1.5]


@pytest.mark.parametrize("state", [b"", b"nonsense", b"FSP1" + bytes(16) + b"more nonsense"])
def test_a_state_that_is_none_is_refused_in_a_sentence(state: bytes) -> None:
    with pytest.raises(InputError):
        _pipeline(ManualClock()).restore(state, {})


HOUR = 3_600_000


def _step(pipeline: MetricsPipeline, published_ms: int, *messages: Message) -> list[tuple[str, str]]:
    """Give messages published at that time; returns the reasons and symbols of the dead letters."""
    received = [Received(PRICES_TOPIC, str(n), message, published_ms) for n, message in enumerate(messages)]
    outgoing = pipeline.step(received).outgoing
    letters = [message for topic, message in outgoing if topic == DEAD_LETTER_TOPIC]
    return [(one.attributes["reason"], one.attributes["origin"].split("/")[1]) for one in letters]


def _guarded(clock: ManualClock) -> MetricsPipeline:
    return MetricsPipeline(PARAMETERS, clock, allowed_lateness=2.0, idle_timeout=5.0, max_ahead=7200.0)


def _tick(symbol: str, timestamp: int) -> Message:
    return encode_ticks(Ticks.of([symbol], [timestamp], [1.5]))


@pytest.mark.parametrize("published", [START, START + 5000 * HOUR])  # live prices, old ones that are replayed
def test_a_tick_from_the_far_future_is_a_reject_and_makes_no_other_late(published: int) -> None:
    pipeline = _guarded(ManualClock(published))
    assert _step(pipeline, published, _tick("A", START)) == []
    assert _step(pipeline, published, _tick("B", published + 3 * HOUR), _tick("A", START + 1000)) == [("future", "B")]
    mixed = encode_ticks(Ticks.of(["A", "B"], [START + 2000, published + 9 * HOUR], [1.0, 2.0]))
    assert _step(pipeline, published, mixed) == [("future", "B")]
    assert _step(pipeline, published, _tick("A", START + 3000)) == []
    assert dict(pipeline.counters()) | {"event_time": 0, "rows": 0} == {
        "ticks": 4, "rows": 0, "late": 0, "rejected": 2, "event_time": 0
    }  # fmt: skip


def test_a_clock_that_is_an_hour_slow_makes_no_tick_a_reject() -> None:
    pipeline = _guarded(ManualClock(START))
    assert _step(pipeline, START, _tick("A", START)) == []
    assert _step(pipeline, START - HOUR, _tick("A", START + 1000)) == []


def test_a_topic_of_the_future_alone_is_taken() -> None:
    pipeline = _guarded(ManualClock(START))
    for second in range(3):
        assert _step(pipeline, START, _tick("A", START + 99 * HOUR + second * 1000)) == []


@given(st.lists(st.sampled_from([0, 1, 50, 3 * HOUR, 9 * HOUR]), max_size=12), st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_of_the_future_does_not_depend_on_which_messages_come_together(
    offsets: list[int], data: st.DataObject
) -> None:
    messages = [_tick("A", START + offset + n) for n, offset in enumerate(offsets)]
    alone, together = _guarded(ManualClock(START)), _guarded(ManualClock(START))
    one_by_one = [letter for message in messages for letter in _step(alone, START, message)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(messages)), max_size=3)))
    groups = [messages[a:b] for a, b in itertools.pairwise([0, *cuts, len(messages)])]
    in_groups = [letter for group in groups for letter in _step(together, START, *group)]
    assert [one for one in one_by_one if one[0] == "future"] == [one for one in in_groups if one[0] == "future"]


class SteppingClock(ManualClock):
    """A clock whose wall time somebody sets."""

    off_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.off_ms


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_wall_clock_set_anew_in_a_silence_makes_nothing_late(step: int) -> None:
    clock = SteppingClock(START)
    pipeline = _guarded(clock)
    _step(pipeline, START, _tick("A", START))
    clock.off_ms = step
    clock.sleep(6)
    assert len(_rows(pipeline.step([]).outgoing)) == 4, "closed up to six seconds less two, by time that passed"
    assert _step(pipeline, clock.now_ms(), _tick("A", START + 7000)) == []
    assert pipeline.counters()["late"] == 0


@pytest.mark.parametrize("said", ["253402300799999", "999999999999999999999999", "-1", "soon", ""])
def test_an_end_with_a_time_that_cannot_be_moves_nothing_beyond_what_was_seen(said: str) -> None:
    pipeline = _guarded(ManualClock(START))
    _step(pipeline, START, _tick("A", START))
    end = encode_end_of_input(0)
    _step(pipeline, START, Message(b"", {**end.attributes, "timestamp": said}))
    assert pipeline.snapshot()
    later = START + (PARAMETERS.max_gap + 5) * 1000
    assert _step(pipeline, START, _tick("A", later)) == []
    assert pipeline.counters()["late"] == 0
