"""Input that nobody wants and somebody sends: no crash, bounded memory, right rows."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import pytest
from tests.metrics.comparison import assert_rows, bytes_of, rows_of
from tests.metrics.reference import Reference

from fsictl.metrics.backfill import backfill
from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import Ticks

DAY_MS = 86_400_000
LAST_OF_64_BITS_MS = int(datetime(2262, 4, 11, tzinfo=UTC).timestamp() * 1000)  # as nanoseconds they end that day
MB = 2**20


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    """At no time more than that many bytes on top of what was there; numpy reports its arrays to ``tracemalloc``."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak / MB:.0f} MiB"


def of_stream(steps: list[tuple[Ticks, int | None]]) -> tuple[list[MetricsBlock], dict[str, int]]:
    """Rows and late ticks of batches, each with the watermark after it; every step begins from a snapshot."""
    operator, blocks = MetricsOperator(MetricsParameters()), []
    for ticks, watermark in steps:
        operator = MetricsOperator.restore(operator.snapshot(), MetricsParameters())
        operator.process(ticks)
        blocks.append(operator.on_watermark(watermark))
    assert operator.next_timer() is None
    return blocks, operator.late_counts


def assert_as_defined(steps: list[tuple[Ticks, int | None]]) -> list[MetricsBlock]:
    reference = Reference(300, 300, 60)
    for ticks, watermark in steps:
        symbols = [ticks.symbol_of(index) for index in range(len(ticks))]
        reference.process(list(zip(symbols, ticks.timestamp.tolist(), ticks.value.tolist(), strict=True)))
        reference.on_watermark(math.inf if watermark is None else watermark)
    blocks, late = of_stream(steps)
    rows = rows_of(blocks)
    assert rows.keys() == reference.symbols.keys()
    for name, symbol in reference.symbols.items():
        assert_rows(rows[name], symbol.rows)
        assert late[name] == symbol.late
    return blocks


@pytest.mark.slow
def test_a_hundred_thousand_symbols_in_one_batch() -> None:
    symbols, start = 100_000, 1_700_000_000_000
    random = np.random.default_rng(1)
    code = np.r_[random.permutation(symbols), random.integers(0, symbols, 2 * symbols)].astype(np.int32)
    timestamp = start + random.integers(0, 3_000, len(code))
    value = random.uniform(0.5, 2, len(code))
    names = tuple(f"S{number}" for number in range(symbols))
    ticks = Ticks(names, code, timestamp, value, np.zeros(len(code), np.int32))
    operator = MetricsOperator(MetricsParameters())
    with memory_below(3 * symbols * 16_384):
        assert not len(operator.process(ticks))
        block = operator.on_watermark(start + 3_000)
    assert len(operator.symbols) == symbols
    reference = Reference(300, 300, 60)
    for name in names[::1_000]:
        mine = code == int(name[1:])
        reference.process([(name, t, v) for t, v in zip(timestamp[mine].tolist(), value[mine].tolist(), strict=True)])
    reference.on_watermark(start + 3_000)
    number = {name: position for position, name in enumerate(names)}
    owner = np.array([number[name] for name in block.symbols])[block.code]
    for name, symbol in reference.symbols.items():
        chosen = owner == number[name]
        part = MetricsBlock(block.symbols, block.code[chosen], {k: v[chosen] for k, v in block.columns.items()})
        assert_rows(rows_of([part])[name], symbol.rows)
    first_second = np.full(symbols, 3)
    np.minimum.at(first_second, code, (timestamp - start) // 1000)
    assert (np.bincount(owner, minlength=symbols) == 3 - first_second).all()


@pytest.mark.parametrize("batches", [1, 100])
def test_a_million_ticks_in_a_second(batches: int) -> None:
    count, start = 1_000_000, 1_700_000_000_000
    random = np.random.default_rng(2)
    timestamp, value = start + random.integers(0, 1_000, count), random.uniform(0.5, 2, count)
    ticks = Ticks(("X",), np.zeros(count, np.int32), timestamp, value, np.zeros(count, np.int32))
    operator = MetricsOperator(MetricsParameters(max_gap=0))
    edges = np.linspace(0, count, batches + 1).astype(int).tolist()
    with memory_below(400 * MB):
        for begin, end in itertools.pairwise(edges):
            operator.process(ticks.take(slice(begin, end)))
            assert not len(operator.on_watermark(start + 999))
        block = operator.on_watermark(start + 1_000)
    (row,) = rows_of([block])["X"]
    first, last = int(timestamp.argmin()), count - 1 - int(timestamp[::-1].argmax())
    assert (row["FIRST"], row["LAST"]) == (value[first], value[last])
    assert (row["FIRST_TIMESTAMP"], row["LAST_TIMESTAMP"]) == (timestamp[first], timestamp[last])
    assert (row["MIN"], row["MAX"], row["DATA_POINT_COUNT"]) == (value.min(), value.max(), count)
    assert row["SUM"] == pytest.approx(math.fsum(value.tolist()), rel=1e-12)
    assert row["SIMPLE_MOVING_AVERAGE"] == pytest.approx(row["SUM"] / count, rel=1e-12)


def test_the_first_second_and_the_year_2262() -> None:
    with memory_below(20 * MB):
        blocks = assert_as_defined(
            [
                (Ticks.of(["OLD", "OLD"], [0, 1], [1.0, 1.5]), 0),
                (Ticks.of(["NEW", "OLD"], [LAST_OF_64_BITS_MS, 999], [2.0, 1.25]), LAST_OF_64_BITS_MS),
                (Ticks.of(["OLD", "OLD"], [60_999, 61_000], [9.0, 1.5]), LAST_OF_64_BITS_MS),  # late; after the gap
                (Ticks.of(["OLD"], [LAST_OF_64_BITS_MS + 1], [1.0]), LAST_OF_64_BITS_MS + 1_000),
                (Ticks.empty(), None),
            ]
        )
    assert sum(map(len, blocks)) == 61 + 61 + 61 + 61


def test_a_backfill_from_the_first_second_to_the_year_2262() -> None:
    ticks = Ticks.of(["X"] * 3, [0, 1_500, LAST_OF_64_BITS_MS], [1.0, 1.5, 2.0])
    with memory_below(20 * MB):
        blocks = list(backfill(ticks, MetricsParameters()))
    assert sum(map(len, blocks)) == 62 + 61
    streamed, _ = of_stream([(ticks, None)])
    assert bytes_of(blocks) == bytes_of(streamed)


def test_a_symbol_that_returns_after_a_day() -> None:
    start = 1_700_000_000_000
    others = Ticks.of(["B"], [start + DAY_MS], [5.0])
    away = Ticks.of(["A"] * 400, range(start, start + 400_000, 1_000), np.linspace(1, 2, 400).tolist())
    back = Ticks.of(["A", "A"], [start + DAY_MS, start + DAY_MS + 1_000], [3.0, 2.5])
    blocks = assert_as_defined([(away, start + 399_000), (others, start + DAY_MS - 2_000), (back, None)])
    rows = rows_of(blocks)["A"]
    assert len(rows) == 400 + 60 + 2 + 60
    assert rows[460]["SUM_MOVEMENT_COUNT"] == 1  # nothing of the day before is in its window
    assert rows[460]["STANDARD_DEVIATION"] == rows[460]["LOG_RTN"] == rows[460]["SUM_UP_MOVEMENT"] == 0
