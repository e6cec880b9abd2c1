"""The arithmetic of the rolling columns: accuracy, exact zeros, and the same bits for one row as for many."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fsictl.metrics.kernel import Tape, rolling_columns
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.state import NEVER


def tape_of(prices: np.ndarray, window: int, *, seconds: np.ndarray | None = None) -> Tape:
    """One tick a bar, after the padding that a symbol without history has."""
    width = window - 1

    def padded(values: np.ndarray, padding: object) -> np.ndarray:
        return np.concatenate([np.full(width, padding, values.dtype), values])

    return Tape(
        padded(np.arange(len(prices)) if seconds is None else seconds, NEVER),
        padded(prices, 0),
        padded(prices, 0),
        padded(np.ones(len(prices), np.int64), 0),
        padded(np.zeros(len(prices), bool), False),
    )


def walk(n: int, level: float = 1.8) -> np.ndarray:
    steps = np.random.default_rng(3).integers(-2, 3, n)
    return np.asarray(level * (1 + np.cumsum(steps) * 1e-5))


@pytest.mark.parametrize("window", [2, 3, 7, 8, 9, 128, 129, 300])
def test_a_row_has_the_same_bits_alone_as_among_many(window: int) -> None:
    parameters = MetricsParameters(window, max(2, window // 2))
    seconds = np.cumsum(
        np.random.default_rng(5).choice([1, 1, 1, 1, 2, 70], 900, p=[0.24, 0.24, 0.24, 0.24, 0.03, 0.01])
    )
    tape = tape_of(walk(900), window, seconds=seconds)
    at = np.arange(window - 1, len(tape.last))
    together = rolling_columns(tape, at, parameters)
    shuffled = np.random.default_rng(6).permutation(at)
    in_disorder = rolling_columns(tape, shuffled, parameters)
    for name, column in together.items():
        assert column[shuffled - (window - 1)].tobytes() == in_disorder[name].tobytes(), name
    for size in (1, 2, 3, 17):
        parts = [rolling_columns(tape, at[i : i + size], parameters) for i in range(0, 120, size)]
        for name, column in together.items():
            joined = np.concatenate([part[name] for part in parts])
            assert joined.tobytes() == column[: len(joined)].tobytes(), (name, size)


@pytest.mark.parametrize("level", [1e-5, 1.8, 60_000.0])
def test_is_accurate_long_after_many_bad_ticks(level: float) -> None:
    prices = walk(30_000, level)
    prices[::1_000] *= 1e5
    window = 300
    tape = tape_of(prices, window)
    at = np.arange(window - 1, len(tape.last))
    columns = rolling_columns(tape, at, MetricsParameters())
    for row in [*range(29_000, 29_003), 29_298, 29_299, 29_300, 29_301, 29_999]:
        c = prices[row - window + 1 : row + 1].tolist()
        mean = math.fsum(c) / window
        wanted = {
            "SIMPLE_MOVING_AVERAGE": mean,
            "STANDARD_DEVIATION": math.sqrt(math.fsum((x - mean) ** 2 for x in c) / window),
            "SUM_UP_MOVEMENT": math.fsum(max(b - a, 0) for a, b in itertools.pairwise(c)),
            "SUM_DOWN_MOVEMENT": math.fsum(min(b - a, 0) for a, b in itertools.pairwise(c)),
            "EXPONENTIAL_MOVING_AVERAGE": math.fsum(x * 0.5 ** (window - 1 - i) for i, x in enumerate(c))
            / math.fsum(0.5**i for i in range(window)),
        }
        for name, value in wanted.items():
            absolute = 0.0 if name.endswith("AVERAGE") else 1e-12 * level
            assert columns[name][row] == pytest.approx(value, rel=1e-9, abs=absolute), (name, row)


@pytest.mark.parametrize("price", [1e-5, 1.1, 1.23456789, 60_000.7])
def test_a_flat_window_has_exact_zeros_and_no_rsi(price: float) -> None:
    prices = np.full(700, price)
    prices[:50] = walk(50, price)
    prices[20] = price * 1e5
    columns = rolling_columns(tape_of(prices, 300), np.arange(299, 999), MetricsParameters())
    flat = slice(349, None)  # the window's 300 bars are all at or after bar 50
    for name in ("STANDARD_DEVIATION", "SUM_UP_MOVEMENT", "SUM_DOWN_MOVEMENT", "LOG_RTN"):
        assert not columns[name][flat].any(), name
        assert not np.signbit(columns[name][flat]).any(), name
    assert (columns["EXPONENTIAL_MOVING_AVERAGE"][flat] == price).all()
    assert np.isnan(columns["RELATIVE_STRENGTH"][flat]).all()
    assert np.isnan(columns["RELATIVE_STRENGTH_INDICATOR"][flat]).all()


def test_the_rsi_of_a_window_that_only_rises_is_100_and_has_no_strength() -> None:
    columns = rolling_columns(tape_of(np.array([1.0, 1.1, 1.1]), 5), np.arange(4, 7), MetricsParameters(5))
    assert np.isnan(columns["RELATIVE_STRENGTH"]).all()
    np.testing.assert_array_equal(columns["RELATIVE_STRENGTH_INDICATOR"], [np.nan, 100.0, 100.0])


def test_a_move_leaves_with_the_older_of_its_bars() -> None:
    """Bars at 0, 1, 5 and 6 s: at 6 s a window of 5 s holds (1, 6], so the move 1 → 5 has no first bar any more."""
    tape = tape_of(np.array([1.0, 2.0, 4.0, 8.0]), 5, seconds=np.array([0, 1, 5, 6]))
    columns = rolling_columns(tape, np.arange(4, 8), MetricsParameters(5))
    assert columns["SUM_MOVEMENT_COUNT"].tolist() == [1, 2, 2, 2]
    assert columns["SUM_UP_MOVEMENT"].tolist() == [0.0, 1.0, 2.0, 4.0]
    np.testing.assert_allclose(columns["LOG_RTN"], np.log([1, 2, 2, 2]))
    assert columns["EXPONENTIAL_MOVING_AVERAGE"].tolist() == pytest.approx([1, 2.5 / 1.5, 5 / 1.5, 10 / 1.5])


def test_the_log_return_is_1_bar_old_at_most_as_old_as_the_window() -> None:
    tape = tape_of(np.array([1.0, 2.0]), 3, seconds=np.array([0, 3]))
    columns = rolling_columns(tape, np.arange(2, 4), MetricsParameters(3))
    assert columns["LOG_RTN"].tolist() == [0.0, 0.0]
    assert columns["SUM_MOVEMENT_COUNT"].tolist() == [1, 1]
