"""Ticks to bars."""

from __future__ import annotations

import numpy as np

from fsictl.metrics.bars import bars_of


def test_no_ticks_are_no_bars() -> None:
    assert len(bars_of(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))) == 0


def test_of_equal_timestamps_the_earliest_arrival_is_first_and_the_latest_is_last() -> None:
    bars = bars_of(np.zeros(4, np.int64), np.array([1_500, 1_500, 1_500, 1_500]), np.array([3.0, 1.0, 4.0, 2.0]))
    assert (bars.first.tolist(), bars.last.tolist(), bars.low.tolist(), bars.high.tolist()) == (
        [3.0],
        [2.0],
        [1.0],
        [4.0],
    )
    assert (bars.total.tolist(), bars.count.tolist()) == ([10.0], [4])


def test_bars_of_several_symbols_in_disorder() -> None:
    owner = np.array([1, 0, 1, 0, 1])
    timestamp = np.array([2_999, 1_000, 2_000, 999, 3_000])
    bars = bars_of(owner, timestamp, np.array([5.0, 2.0, 4.0, 1.0, 6.0]))
    assert bars.owner.tolist() == [0, 0, 1, 1]
    assert bars.second.tolist() == [0, 1, 2, 3]
    assert bars.first.tolist() == [1.0, 2.0, 4.0, 6.0]
    assert bars.last.tolist() == [1.0, 2.0, 5.0, 6.0]
    assert bars.first_ms.tolist() == [999, 1_000, 2_000, 3_000]
    assert bars.last_ms.tolist() == [999, 1_000, 2_999, 3_000]


def test_a_sum_does_not_depend_on_the_order_of_arrival() -> None:
    generator = np.random.default_rng(1)
    value, timestamp = generator.random(500), 1_000_000 + np.arange(500)
    shuffled = generator.permutation(500)
    nobody = np.zeros(500, np.int64)
    in_order = bars_of(nobody, timestamp, value)
    in_disorder = bars_of(nobody, timestamp[shuffled], value[shuffled])
    assert in_order.total.tobytes() == in_disorder.total.tobytes()
