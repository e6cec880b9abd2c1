"""The operator against the reference, and what must hold between its own calls."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.metrics.comparison import assert_rows, bytes_of, rows_of
from tests.metrics.reference import Reference

from fsictl.metrics.backfill import backfill
from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.records.conform import conform
from fsictl.records.schemas import METRICS
from fsictl.records.ticks import Ticks

Tick = tuple[str, int, float]
START = 1_700_000_000_000


def ticks_of(ticks: list[Tick]) -> Ticks:
    return Ticks.of([t[0] for t in ticks], [t[1] for t in ticks], [t[2] for t in ticks])


@dataclass(frozen=True)
class Scenario:
    """Parameters, ticks in order of arrival, where batches are cut, and how far the watermark is behind."""

    parameters: MetricsParameters
    ticks: list[Tick]
    cuts: list[int]
    lateness: int

    def batches(self) -> list[list[Tick]]:
        edges = sorted({0, *(cut % (len(self.ticks) + 1) for cut in self.cuts), len(self.ticks)})
        return [self.ticks[a:b] for a, b in itertools.pairwise(edges)]


@st.composite
def parameters(draw: st.DrawFn) -> MetricsParameters:
    window = draw(st.sampled_from([2, 3, 5, 8]))
    rsi_window = draw(st.one_of(st.none(), st.integers(2, window)))
    return MetricsParameters(
        window, rsi_window, draw(st.sampled_from([0, 1, 3, 6])), draw(st.sampled_from([0.5, 0.1, 1.0]))
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Ticks of a few symbols with steps, flat stretches, silences around ``max_gap``, disorder and equal timestamps."""
    chosen = draw(parameters())
    level, step = draw(st.sampled_from([(1.8, 1e-5), (1e-5, 1e-8), (60_000.0, 0.5), (1.0, 0.0625)]))
    quiet = chosen.max_gap * 1000
    pauses = [0, 0, 1, 200, 700, 1000, 1500, 3000, quiet, quiet + 1000, quiet + 2000, quiet + 3000, 20_000]
    events = draw(
        st.lists(
            st.tuples(
                st.integers(0, 3),
                st.sampled_from(pauses),
                st.sampled_from([0, 0, 0, -1, -900, -2500]),
                st.integers(-9, 9),
            ),
            max_size=40,
        )
    )
    now, ticks = START, []
    for symbol, pause, disorder, move in events:
        now += pause
        ticks.append((f"S{symbol}", max(now + disorder, 0), level + move * step))
    cuts = draw(st.lists(st.integers(0, 60), max_size=12))
    return Scenario(chosen, ticks, cuts, draw(st.sampled_from([0, 500, 2000, 30_000])))


def reference_of(chosen: MetricsParameters) -> Reference:
    return Reference(chosen.window, chosen.rsi_seconds, chosen.max_gap, chosen.alpha)


def replay(scenario: Scenario, *, restore: bool) -> None:
    """The same calls to the operator and to the reference; everything they say must agree."""
    operator, reference = MetricsOperator(scenario.parameters), reference_of(scenario.parameters)
    blocks: list[MetricsBlock] = []
    newest = 0
    for batch in scenario.batches():
        late = operator.process(ticks_of(batch))
        expected_late = reference.process(batch)
        assert [
            (late.symbol_of(i), int(late.timestamp[i]), float(late.value[i])) for i in range(len(late))
        ] == expected_late
        newest = max([newest, *(timestamp for _, timestamp, _ in batch)])
        blocks.append(operator.on_watermark(newest - scenario.lateness))
        reference.on_watermark(newest - scenario.lateness)
        assert operator.next_timer() == reference.next_timer()
        if restore:
            operator = MetricsOperator.restore(operator.snapshot(), scenario.parameters)
    blocks.append(operator.on_watermark(None))
    reference.on_watermark(math.inf)
    assert operator.next_timer() is None
    assert operator.late_counts == {name: state.late for name, state in reference.symbols.items()}
    actual = rows_of(blocks)
    assert actual.keys() == {name for name, state in reference.symbols.items() if state.rows}
    for symbol, rows in actual.items():
        assert_rows(rows, reference.symbols[symbol].rows)


@given(scenarios())
@settings(max_examples=120, deadline=None)
def test_agrees_with_the_reference(scenario: Scenario) -> None:
    replay(scenario, restore=False)


@given(scenarios())
@settings(max_examples=60, deadline=None)
def test_agrees_with_the_reference_when_restored_after_every_call(scenario: Scenario) -> None:
    replay(scenario, restore=True)


@given(scenarios(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_rows_depend_only_on_the_set_of_ticks_when_none_is_late(scenario: Scenario, random) -> None:
    in_order = sorted(scenario.ticks, key=lambda tick: tick[1])
    once = MetricsOperator(scenario.parameters)
    once.process(ticks_of(in_order))
    expected = bytes_of([once.on_watermark(None)])

    # Every timestamp is delayed by less than the lateness, equal ones equally: so nothing is late.
    delays = {timestamp: random.randrange(5_000) for _, timestamp, _ in in_order}
    shuffled = replace(scenario, ticks=sorted(in_order, key=lambda tick: tick[1] + delays[tick[1]]), lateness=5_000)
    operator, blocks, newest = MetricsOperator(scenario.parameters), [], 0
    for batch in shuffled.batches():
        assert len(operator.process(ticks_of(batch))) == 0
        newest = max(newest, *(timestamp for _, timestamp, _ in batch))
        blocks.append(operator.on_watermark(newest - 5_000))
    blocks.append(operator.on_watermark(None))
    assert bytes_of(blocks) == expected
    assert bytes_of(backfill(ticks_of(in_order), scenario.parameters, rows_per_block=3)) == expected
    assert bytes_of(backfill(ticks_of(shuffled.ticks), scenario.parameters)) == expected


@given(scenarios(), st.integers(START - 5_000, START + 60_000), st.integers(0, 60_000))
@settings(max_examples=60, deadline=None)
def test_two_watermarks_are_as_good_as_the_second(scenario: Scenario, first: int, further: int) -> None:
    one, two = MetricsOperator(scenario.parameters), MetricsOperator(scenario.parameters)
    one.process(ticks_of(scenario.ticks))
    two.process(ticks_of(scenario.ticks))
    blocks = [
        two.on_watermark(first),
        two.on_watermark(first),
        two.on_watermark(first - 1),
        two.on_watermark(first + further),
    ]
    assert not len(blocks[1])
    assert not len(blocks[2])
    whole, parts = one.on_watermark(first + further), MetricsBlock.concat(blocks)
    assert bytes_of([whole]) == bytes_of([parts])
    assert whole.columns["timestamp"].tolist() == parts.columns["timestamp"].tolist()
    assert whole.code.tolist() == parts.code.tolist()
    assert one.snapshot() == two.snapshot()


@given(scenarios())
@settings(max_examples=60, deadline=None)
def test_timer_is_the_lowest_watermark_that_emits(scenario: Scenario) -> None:
    operator = MetricsOperator(scenario.parameters)
    operator.process(ticks_of(scenario.ticks))
    for _ in range(50):
        timer = operator.next_timer()
        if timer is None:
            break
        assert not len(operator.on_watermark(timer - 1))
        assert len(operator.on_watermark(timer))


@pytest.mark.parametrize("level", [1e-5, 1.8, 60_000.0])
def test_agrees_with_the_reference_at_full_size(level: float) -> None:
    """Window 300, max_gap 60, a shorter RSI window, silences past max_gap with holes inside the window, a bad tick."""
    generator = np.random.default_rng(7)
    pauses = generator.choice(
        [90, 300, 1100, 5000, 61_000, 62_500, 63_000], 400, p=[0.4, 0.4, 0.14, 0.04, 0.008, 0.006, 0.006]
    )
    times = START + np.cumsum(pauses)
    values = level * (1 + np.cumsum(generator.integers(-2, 3, 400)) * 1e-5)
    values[300] *= 1e5
    ticks = [("A" if i % 3 else "B", int(t), float(v)) for i, (t, v) in enumerate(zip(times, values, strict=True))]
    replay(Scenario(MetricsParameters(rsi_window=14), ticks, list(range(0, 400, 37)), 2000), restore=False)


@pytest.mark.parametrize("rsi_window", [300, 14])
def test_a_row_depends_on_two_chunks_alone(rsi_window: int) -> None:
    """So nothing can drift, however many updates there have been, and no bad tick of long ago is remembered."""
    generator = np.random.default_rng(11)
    seconds, begin = 3_000, START // 300_000 * 300_000
    values = 1.8 * (1 + np.cumsum(generator.integers(-2, 3, seconds)) * 1e-5)
    values[100] *= 1e5
    ticks = Ticks.of(["A"] * seconds, (begin + 1_000 * np.arange(seconds)).tolist(), values.tolist())
    parameters = MetricsParameters(rsi_window=rsi_window)
    old, new = MetricsOperator(parameters), MetricsOperator(parameters)
    old.process(ticks)
    new.process(ticks.take(slice(seconds - 600, None)))
    columns, of_new = old.on_watermark(None).columns, new.on_watermark(None).columns
    for name, column in columns.items():
        assert column[-360:].tobytes() == of_new[name][-360:].tobytes(), name


@pytest.mark.parametrize("window", [300, 3_600])
def test_the_state_of_a_symbol_is_small(window: int) -> None:
    """Its arrays and its snapshot: 16 KB for a window of 300 s."""
    operator = MetricsOperator(MetricsParameters(window))
    operator.process(Ticks.of([f"S{i:03}" for i in range(100)], [START] * 100, [1.0] * 100))
    operator.on_watermark(START + 1_000)
    assert state_bytes(operator._states) <= 100 * 16_384 * window / 300
    assert len(operator.snapshot()) <= 100 * 16_384 * window / 300


def state_bytes(state: object) -> int:
    values = [getattr(state, field.name) for field in dataclasses.fields(state)]  # type: ignore[arg-type]
    arrays = sum(value.nbytes for value in values if isinstance(value, np.ndarray))
    return arrays + sum(state_bytes(value) for value in values if dataclasses.is_dataclass(value))


def test_worked_example() -> None:
    operator = MetricsOperator(MetricsParameters())
    operator.process(Ticks.of(["X"] * 3, [1000000000100, 1000000000700, 1000000002500], [1.0, 1.2, 1.1]))
    rows = rows_of([operator.on_watermark(None)])["X"]
    assert len(rows) == 63
    first, second, third, *rest = rows

    assert first == {
        "symbol": "X",
        "timestamp": 1000000000999,
        "endTimestamp": 1000000001,
        "FIRST": 1.0,
        "LAST": 1.2,
        "FIRST_TIMESTAMP": 1000000000100,
        "LAST_TIMESTAMP": 1000000000700,
        "MIN": 1.0,
        "MAX": 1.2,
        "SUM": 2.2,
        "DATA_POINT_COUNT": 2,
        "GAP_FILLED": False,
        "SUM_MOVEMENT_COUNT": 1,
        "SIMPLE_MOVING_AVERAGE": 1.1,
        "EXPONENTIAL_MOVING_AVERAGE": 1.2,
        "STANDARD_DEVIATION": 0.0,
        "LOG_RTN": 0.0,
        "SUM_UP_MOVEMENT": 0.0,
        "SUM_DOWN_MOVEMENT": 0.0,
        "ABS_MOVING_AVERAGE_GAIN": 0.0,
        "ABS_MOVING_AVERAGE_LOSS": 0.0,
        "RELATIVE_STRENGTH": None,
        "RELATIVE_STRENGTH_INDICATOR": None,
        "BB_MIDDLE_BAND_SMA": 1.1,
        "BB_UPPER_BAND_SMA": 1.1,
        "BB_BOTTOM_BAND_SMA": 1.1,
        "BB_MIDDLE_BAND_EMA": 1.2,
        "BB_UPPER_BAND_EMA": 1.2,
        "BB_BOTTOM_BAND_EMA": 1.2,
        "GAP_FILLED_FRACTION": 0.0,
    }

    assert second["GAP_FILLED"]
    assert [second[c] for c in ("FIRST", "LAST", "MIN", "MAX", "SUM", "DATA_POINT_COUNT")] == [
        1.2,
        1.2,
        1.2,
        1.2,
        1.2,
        1,
    ]
    assert second["FIRST_TIMESTAMP"] == second["LAST_TIMESTAMP"] == 1000000000700
    assert second["SUM_MOVEMENT_COUNT"] == 2
    assert second["SIMPLE_MOVING_AVERAGE"] == pytest.approx(3.4 / 3, rel=1e-15)
    assert second["EXPONENTIAL_MOVING_AVERAGE"] == 1.2
    assert second["STANDARD_DEVIATION"] == 0
    assert second["RELATIVE_STRENGTH_INDICATOR"] is None
    assert second["GAP_FILLED_FRACTION"] == 0.5

    assert not third["GAP_FILLED"]
    assert third["LAST"] == 1.1
    assert third["SUM_MOVEMENT_COUNT"] == 3
    assert third["SIMPLE_MOVING_AVERAGE"] == pytest.approx(4.5 / 4, rel=1e-15)
    assert third["EXPONENTIAL_MOVING_AVERAGE"] == pytest.approx((1.1 + 1.2 * 0.5 + 1.2 * 0.25) / 1.75, rel=1e-15)
    assert third["STANDARD_DEVIATION"] == pytest.approx(0.0471404520791031, rel=1e-14)
    assert third["LOG_RTN"] == pytest.approx(math.log(1.1 / 1.2), rel=1e-14)
    assert third["SUM_UP_MOVEMENT"] == 0
    assert third["SUM_DOWN_MOVEMENT"] == pytest.approx(-0.1, rel=1e-14)
    assert third["RELATIVE_STRENGTH"] == 0
    assert third["RELATIVE_STRENGTH_INDICATOR"] == 0

    assert len(rest) == 60
    assert {row["LAST"] for row in rest} == {1.1}
    assert all(row["GAP_FILLED"] for row in rest)
    assert operator.next_timer() is None


def test_a_tick_after_a_long_silence_is_never_late_and_is_emitted_far_behind_the_watermark() -> None:
    operator = MetricsOperator(MetricsParameters(max_gap=2))
    operator.process(ticks_of([("A", START, 1.0), ("B", START + 100_000, 2.0)]))
    assert rows_of([operator.on_watermark(START + 100_000)]).keys() == {"A"}
    # A has rows for seconds 0, 1 and 2 only. Its second 3 is open however far the watermark is; second 2 is not.
    late = operator.process(ticks_of([("A", START + 3_500, 1.1), ("A", START + 2_999, 1.2), ("C", START - 9_000, 3.0)]))
    assert late.value.tolist() == [1.2]
    rows = rows_of([operator.on_watermark(START + 100_000)])
    assert [row["timestamp"] - START for row in rows["A"]] == [3_999, 4_999, 5_999]
    assert [row["timestamp"] - START for row in rows["C"]] == [-8_001, -7_001, -6_001]
    assert operator.late_counts == {"A": 1, "B": 0, "C": 0}


def test_ticks_of_one_batch_are_not_late_against_each_other() -> None:
    operator = MetricsOperator(MetricsParameters())
    late = operator.process(ticks_of([("A", START + 50_000, 1.0), ("A", START, 2.0)]))
    assert not len(late)
    assert len(operator.on_watermark(START + 51_000)) == 51


def test_rows_come_by_timestamp_and_then_by_symbol() -> None:
    operator = MetricsOperator(MetricsParameters(max_gap=1))
    operator.process(ticks_of([("B", START, 1.0), ("A", START + 1_000, 1.0), ("C", START + 1_000, 1.0)]))
    block = operator.on_watermark(None)
    seconds = ((block.columns["timestamp"] - START) // 1000).tolist()
    symbols = [block.symbols[code] for code in block.code]
    assert seconds == [0, 1, 1, 1, 2, 2]
    assert symbols == ["B", "A", "B", "C", "A", "C"]


def test_a_dictionary_entry_without_ticks_is_no_symbol() -> None:
    operator = MetricsOperator(MetricsParameters())
    operator.process(ticks_of([("A", START, 1.0), ("B", START, 1.0)]).take(slice(1, 2)))
    assert operator.symbols == ("B",)


def test_nothing_happens_without_ticks() -> None:
    operator = MetricsOperator(MetricsParameters())
    assert not len(operator.process(Ticks.empty()))
    assert operator.next_timer() is None
    assert not len(operator.on_watermark(None))
    assert not list(backfill(Ticks.empty(), MetricsParameters()))


def test_extreme_values_stop_nothing() -> None:
    values = [1e308, 1e308, 5e-324, 1.0, 1e-300, 1e300]
    times = [START, START + 1, START + 1_000, START + 2_000, START + 3_000, START + 4_000]
    operator = MetricsOperator(MetricsParameters())
    operator.process(Ticks.of(["A"] * 6, times, values))
    block = operator.on_watermark(None)
    assert len(block) == 65
    assert np.isfinite(block.columns["LOG_RTN"]).all()


@given(st.lists(st.floats(5e-324, 1.7976931348623157e308), min_size=1, max_size=12), st.integers(2, 6))
def test_rows_of_any_finite_prices_fit_the_table(values: list[float], window: int) -> None:
    times = [START + 1000 * second for second in range(len(values))]
    for block in backfill(Ticks.of(["A"] * len(values), times, values), MetricsParameters(window=window, max_gap=2)):
        conform(METRICS, table_of_block(block))
