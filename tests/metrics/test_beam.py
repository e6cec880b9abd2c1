"""The stateful step of the metrics in Beam, with cells and timers of our own in place of a runner's."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from apache_beam.pvalue import TaggedOutput
from apache_beam.utils.timestamp import MAX_TIMESTAMP, Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.clock import ManualClock
from fsictl.metrics.beam import LATE, BackfillShard, Batch, CloseSeconds, TicksByShard, ticks_of
from fsictl.metrics.parameters import MetricsParameters
from fsictl.parity import local
from fsictl.parity.compare import first_difference, outcome_of
from fsictl.parity.scenarios import Scenario
from fsictl.records.encoding import encode_end_of_input, encode_ticks
from fsictl.records.message import Message, Received, Reject
from fsictl.records.schemas import METRICS
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SequenceNumbers, Ticks
from fsictl.streams.metrics import MetricsPipeline, late_letters
from fsictl.streams.pipeline import dead_letters

START = 1_600_000_000_000


class Cell:
    """A state cell of one key."""

    def __init__(self) -> None:
        self.value: Any = None

    def read(self) -> Any:
        return self.value

    def write(self, value: Any) -> None:
        self.value = value


class Timer:
    """An event-time timer of one key."""

    def __init__(self) -> None:
        self.at: Timestamp | None = None

    def set(self, at: Timestamp) -> None:
        self.at = at

    def clear(self) -> None:
        self.at = None


class Keys:
    """What a runner does with a stateful step: cells and timers by key, and a watermark that fires timers."""

    def __init__(self, step: Callable[[], CloseSeconds]) -> None:
        self._step = step
        self.cells: dict[int, tuple[Cell, Cell]] = {}
        self._timers: dict[int, Timer] = {}
        self._watermark = Timestamp(0)
        self.fired = 0
        self.rows: list[Message] = []
        self.late: list[Message] = []
        self.rejects: list[Reject] = []

    def deliver(self, elements: Iterable[tuple[int, Batch]]) -> None:
        for key, batch in elements:
            cells, timer = self.cells.setdefault(key, (Cell(), Cell())), self._timers.setdefault(key, Timer())
            self._keep(self._step().process((key, batch), *cells, timer))
        self.advance(self._watermark)

    def advance(self, watermark: Timestamp) -> None:
        self._watermark = max(self._watermark, watermark)
        while due := {key: timer.at for key, timer in self._timers.items() if timer.at and timer.at <= self._watermark}:
            key = min(due, key=lambda each: due[each])
            self._timers[key].clear()
            self.fired += 1
            self._keep(self._step().close(key, due[key], self.cells[key][0], self._timers[key]))

    def _keep(self, outputs: Iterable[Any]) -> None:
        for output in outputs:
            if not isinstance(output, TaggedOutput):
                self.rows.append(output)
            elif output.tag == LATE:
                self.late.append(output.value)
            else:
                self.rejects.append(output.value)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Messages of several symbols with disorder, late ticks, equal timestamps and silences, in random deliveries."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 60))
    steps = rng.choice([0, 1, 150, 900, 1_000, 4_000, 30_000], count, p=[0.3, 0.05, 0.3, 0.15, 0.1, 0.08, 0.02])
    behind = rng.choice([0, 0, 0, 0, 0, 0, 700, 1_900, 6_000], count)
    symbols = rng.choice(["A", "B", "C", "D", "E", "F"][: draw(st.integers(1, 6))], count).tolist()
    times = START + np.cumsum(steps) - behind
    prices = np.round(1.1 + rng.normal(0, 1e-3, count), 5)
    ticks = SequenceNumbers().number(Ticks.of(symbols, times.tolist(), prices.tolist()))
    edges = sorted({0, *rng.integers(0, count, draw(st.integers(0, 12))).tolist(), count})
    messages = [ticks.take(slice(a, b)) for a, b in itertools.pairwise(edges)]
    size = draw(st.integers(1, 3))
    return Scenario("random", [tuple(messages[at : at + size]) for at in range(0, len(messages), size)])


PARAMETERS = MetricsParameters(window=6, max_gap=5)


def _split(ticks: Ticks, shards: int) -> list[tuple[int, Batch]]:
    return list(TicksByShard(shards).process(Received("prices", "1", encode_ticks(ticks), 0)))


def _batch(*ticks: tuple[int, float]) -> Batch:
    times, prices = zip(*ticks, strict=True)
    return 2**62, encode_ticks(Ticks.of(["A"] * len(ticks), times, prices)).data


@settings(max_examples=30, deadline=None)
@given(scenarios(), st.integers(1, 4), st.booleans())
def test_rows_and_late_ticks_are_those_of_the_local_stream(scenario: Scenario, shards: int, travels: bool) -> None:
    expected = local.stream_metrics(scenario, PARAMETERS, allowed_lateness=2.0)
    step = CloseSeconds(PARAMETERS, 2_000)
    written = pickle.dumps(step)
    keys = Keys(lambda: pickle.loads(written) if travels else step)  # noqa: S301 - it is ours
    newest = 0
    for delivery in scenario.deliveries:
        keys.deliver(element for ticks in delivery for element in _split(ticks, shards))
        newest = max(newest, *(int(ticks.timestamp.max()) for ticks in delivery))
        keys.advance(Timestamp(micros=newest * 1000))
    keys.advance(MAX_TIMESTAMP)  # ends, because nothing is left to fill after max_gap
    letters = [letter for message in keys.late for _, letter in late_letters(ticks_of(message.data))]
    assert first_difference(METRICS, expected, outcome_of(METRICS, keys.rows, letters)) is None


@settings(max_examples=25, deadline=None)
@given(scenarios(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_backfill_does_not_depend_on_the_order_of_messages(scenario: Scenario, shards: int, random: Any) -> None:
    expected = local.backfill_metrics(scenario, PARAMETERS)
    messages = [ticks for delivery in scenario.deliveries for ticks in delivery]
    random.shuffle(messages)
    groups: dict[int, list[Batch]] = {}
    for ticks in messages:
        for shard, data in _split(ticks, shards):
            groups.setdefault(shard, []).append(data)
    rows = [message for group in groups.items() for message in BackfillShard(PARAMETERS).process(group)]
    assert first_difference(METRICS, expected, outcome_of(METRICS, rows)) is None


def test_work_that_failed_leaves_no_operator_behind_that_is_ahead_of_its_state() -> None:
    step, cell, newest, timer = CloseSeconds(PARAMETERS, 0), Cell(), Cell(), Timer()
    first, second = _batch((START, 1.0)), _batch((START + 100, 101.0))
    list(step.process((0, first), cell, newest, timer))

    class Broken(Timer):
        def set(self, at: Timestamp) -> None:
            raise ConnectionError

    state = cell.value
    try:
        list(step.process((0, second), cell, newest, Broken()))
    except ConnectionError:
        cell.value = state  # the runner forgets what a failed bundle wrote, and gives the bundle again
    list(step.process((0, second), cell, newest, timer))
    (rows,) = step.close(0, Timestamp(micros=(START + 1000) * 1000), cell, timer)
    assert outcome_of(METRICS, [rows]).rows.column("DATA_POINT_COUNT").to_pylist() == [2]


def test_a_state_that_another_worker_wrote_counts_more_than_the_operator_kept_here() -> None:
    here, there = CloseSeconds(PARAMETERS, 0), CloseSeconds(PARAMETERS, 0)
    cell, newest, timer = Cell(), Cell(), Timer()
    for step, at in ((here, 0), (there, 100), (here, 200)):
        list(step.process((0, _batch((START + at, 1.0))), cell, newest, timer))
    (rows,) = here.close(0, Timestamp(micros=(START + 1000) * 1000), cell, timer)
    assert outcome_of(METRICS, [rows]).rows.column("DATA_POINT_COUNT").to_pylist() == [3]


@st.composite
def published(draw: st.DrawFn) -> list[Received]:
    """Messages of four symbols, published second by second, some of whose ticks are of tomorrow."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    messages = []
    for number in range(draw(st.integers(1, 12))):
        now, count = START + 1_000 * number, int(rng.integers(1, 6))
        wrong = rng.random(count) < rng.choice([0.0, 0.3, 1.0])
        times = now - rng.integers(0, 1_500, count) + np.where(wrong, 86_400_000, 0)
        ticks = Ticks.of(rng.choice(["A", "B", "C", "D"], count).tolist(), times.tolist(), [1.5] * count)
        messages.append(Received("prices", str(number), encode_ticks(ticks), now))
    return messages


@settings(max_examples=40, deadline=None)
@given(published())
def test_ticks_of_the_future_are_the_rejects_of_the_local_stream(messages: list[Received]) -> None:
    pipeline = MetricsPipeline(PARAMETERS, ManualClock(START), allowed_lateness=2.0, idle_timeout=5.0, max_ahead=60.0)
    outgoing = [each for item in messages for each in pipeline.step([item]).outgoing]
    outgoing += pipeline.step([Received("prices", "end", encode_end_of_input(MAX_TIMESTAMP_MS), 0)]).outgoing
    local_rows = [message for topic, message in outgoing if topic == "metrics"]
    local_letters = [message for topic, message in outgoing if topic == "dead-letter"]

    step, keys, newest = CloseSeconds(PARAMETERS, 2_000), Keys(lambda: step), 0
    split = TicksByShard(1, 60_000)
    for item in messages:
        elements = list(split.process(item))
        keys.rejects += [each.value for each in elements if isinstance(each, TaggedOutput)]
        keys.deliver(each for each in elements if not isinstance(each, TaggedOutput))
        newest = max([newest, *(cells[1].value or 0 for cells in keys.cells.values())])
        keys.advance(Timestamp(micros=newest * 1000))
    keys.advance(MAX_TIMESTAMP)
    letters = [letter for message in keys.late for _, letter in late_letters(ticks_of(message.data))]
    letters += [letter for _, letter in dead_letters(keys.rejects, START)]
    expected = outcome_of(METRICS, local_rows, local_letters)
    assert first_difference(METRICS, expected, outcome_of(METRICS, keys.rows, letters)) is None


def test_a_shard_rejects_the_future_once_it_has_had_a_tick_that_is_not() -> None:
    split, step = TicksByShard(4, 60_000), CloseSeconds(PARAMETERS, 0)
    keys = Keys(lambda: step)
    tomorrow, now = Ticks.of(["A"], [START + 86_400_000], [9.0]), Ticks.of(["A"], [START], [1.0])
    for number, ticks in enumerate((now, tomorrow)):
        keys.deliver(split.process(Received("prices", str(number), encode_ticks(ticks), START)))
    assert [(reject.reason, reject.origin) for reject in keys.rejects] == [
        ("future", f"prices/A/{START + 86_400_000}/0")
    ]
    keys.advance(MAX_TIMESTAMP)
    assert outcome_of(METRICS, keys.rows).rows.num_rows == 1 + PARAMETERS.max_gap


def test_a_watermark_that_jumps_an_hour_fires_few_timers() -> None:
    hour = 3_600
    rng = np.random.default_rng(4)
    times = START + np.sort(rng.integers(0, hour * 1_000, 3 * hour))
    ticks = Ticks.of(
        rng.choice(["A", "B"], len(times)).tolist(), times.tolist(), rng.uniform(1, 2, len(times)).tolist()
    )
    step = CloseSeconds(PARAMETERS, 2_000)
    keys = Keys(lambda: step)
    for part in range(0, len(ticks), 1_000):
        keys.deliver(_split(ticks.take(slice(part, part + 1_000)), 1))
    assert keys.fired == 0
    keys.advance(Timestamp(micros=(START + hour * 1_000 + 2_000) * 1000))
    assert keys.fired <= 12 + 120 + 1  # groups of a quarter down to two minutes, then second by second
    keys.advance(MAX_TIMESTAMP)
    expected = local.backfill_metrics(Scenario("an hour", [(ticks,)]), PARAMETERS)
    assert first_difference(METRICS, expected, outcome_of(METRICS, keys.rows)) is None


def test_seconds_that_are_not_a_backlog_close_one_by_one() -> None:
    step = CloseSeconds(PARAMETERS, 2_000)
    keys = Keys(lambda: step)
    ahead = [(START + 3_600_000 + 1_000 * second, 2.0) for second in range(1_000)]  # a clock that is an hour ahead
    keys.deliver([(0, _batch(*ahead))])
    for second in range(30):
        keys.deliver([(0, _batch((START + 1_000 * second, 1.0)))])
        keys.advance(Timestamp(micros=(START + 1_000 * second + 2_000) * 1000))
        assert keys.fired == second
