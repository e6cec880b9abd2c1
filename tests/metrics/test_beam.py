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

from fsictl.metrics.beam import BackfillShard, CloseSeconds, TicksByShard, ticks_of
from fsictl.metrics.parameters import MetricsParameters
from fsictl.parity import local
from fsictl.parity.compare import first_difference, outcome_of
from fsictl.parity.scenarios import Scenario
from fsictl.records.encoding import encode_ticks
from fsictl.records.message import Message, Received
from fsictl.records.schemas import METRICS
from fsictl.records.ticks import SequenceNumbers, Ticks
from fsictl.streams.metrics import late_letters

START = 1_600_000_000_000


class Cell:
    """A state cell of one key."""

    def __init__(self) -> None:
        self.value: bytes | None = None

    def read(self) -> bytes | None:
        return self.value

    def write(self, value: bytes) -> None:
        self.value = bytes(value)


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
        self._cells: dict[int, Cell] = {}
        self._timers: dict[int, Timer] = {}
        self._watermark = Timestamp(0)
        self.rows: list[Message] = []
        self.late: list[Message] = []

    def deliver(self, elements: Iterable[tuple[int, bytes]]) -> None:
        for key, data in elements:
            cell, timer = self._cells.setdefault(key, Cell()), self._timers.setdefault(key, Timer())
            self._keep(self._step().process((key, data), cell, timer))
        self.advance(self._watermark)

    def advance(self, watermark: Timestamp) -> None:
        self._watermark = max(self._watermark, watermark)
        while due := {key: timer.at for key, timer in self._timers.items() if timer.at and timer.at <= self._watermark}:
            key = min(due, key=lambda each: due[each])
            self._timers[key].clear()
            self._keep(self._step().close(key, due[key], self._cells[key], self._timers[key]))

    def _keep(self, outputs: Iterable[Any]) -> None:
        for output in outputs:
            (self.late if isinstance(output, TaggedOutput) else self.rows).append(
                output.value if isinstance(output, TaggedOutput) else output
            )


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


def _split(ticks: Ticks, shards: int) -> list[tuple[int, bytes]]:
    return list(TicksByShard(shards).process(Received("prices", "1", encode_ticks(ticks), 0)))


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
    groups: dict[int, list[bytes]] = {}
    for ticks in messages:
        for shard, data in _split(ticks, shards):
            groups.setdefault(shard, []).append(data)
    rows = [message for group in groups.items() for message in BackfillShard(PARAMETERS).process(group)]
    assert first_difference(METRICS, expected, outcome_of(METRICS, rows)) is None


def test_work_that_failed_leaves_no_operator_behind_that_is_ahead_of_its_state() -> None:
    step, cell, timer = CloseSeconds(PARAMETERS, 0), Cell(), Timer()
    first, second = (encode_ticks(Ticks.of(["A"], [START + at], [1.0 + at])).data for at in (0, 100))
    list(step.process((0, first), cell, timer))

    class Broken(Timer):
        def set(self, at: Timestamp) -> None:
            raise ConnectionError

    state = cell.value
    try:
        list(step.process((0, second), cell, Broken()))
    except ConnectionError:
        cell.value = state  # the runner forgets what a failed bundle wrote, and gives the bundle again
    list(step.process((0, second), cell, timer))
    (rows,) = step.close(0, Timestamp(micros=(START + 1000) * 1000), cell, timer)
    assert outcome_of(METRICS, [rows]).rows.column("DATA_POINT_COUNT").to_pylist() == [2]


def test_a_state_that_another_worker_wrote_counts_more_than_the_operator_kept_here() -> None:
    here, there, cell, timer = CloseSeconds(PARAMETERS, 0), CloseSeconds(PARAMETERS, 0), Cell(), Timer()
    for step, at in ((here, 0), (there, 100), (here, 200)):
        list(step.process((0, encode_ticks(Ticks.of(["A"], [START + at], [1.0])).data), cell, timer))
    (rows,) = here.close(0, Timestamp(micros=(START + 1000) * 1000), cell, timer)
    assert outcome_of(METRICS, [rows]).rows.column("DATA_POINT_COUNT").to_pylist() == [3]
