"""The arithmetic of the rolling columns: accuracy, exact zeros, and the same bits for one row as for many."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fsictl.metrics.history import Part
from fsictl.metrics.kernel import Column, Windows
from fsictl.metrics.parameters import MetricsParameters

START = 1_700_000_123
"""A second somewhere inside of a chunk."""


def columns_of(
    prices: np.ndarray, parameters: MetricsParameters, seconds: np.ndarray | None = None, *, most: int = 10**9
) -> dict[str, Column]:
    """The columns of one symbol with one tick a bar, at most so many seconds computed at once."""
    at = START + (np.arange(len(prices)) if seconds is None else seconds)
    windows, parts, begin = Windows.empty(parameters, 1), [], START
    while begin <= at[-1]:
        ends = [(begin // width + 1) * width for width in (parameters.window, parameters.rsi_seconds)]
        end = min(begin + most, int(at[-1]) + 1, *ends)
        these = (at >= begin) & (at < end)
        present = np.zeros((end - begin, 1), bool)
        present[at[these] - begin] = True
        lasts = np.full(present.shape, 7e7)
        lasts[present] = prices[these]
        bars = Part(present, lasts, np.where(present, lasts, 0), present.astype(np.int64), present & False)
        earlier = prices[at < begin][-1:] if (at < begin).any() else np.array([3e3])
        if these.any():
            columns = windows.roll(slice(0, 1), begin, bars, bars.previous_last(earlier))
            parts.append({name: column[present] for name, column in columns.items()})
        begin = end
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def walk(n: int, level: float = 1.8) -> np.ndarray:
    steps = np.random.default_rng(3).integers(-2, 3, n)
    return np.asarray(level * (1 + np.cumsum(steps) * 1e-5))


@pytest.mark.parametrize("window", [2, 3, 7, 8, 9, 128, 129, 300])
def test_rows_have_the_same_bits_one_by_one_as_all_at_once(window: int) -> None:
    parameters = MetricsParameters(window, max(2, window // 2), alpha=0.1)
    seconds = np.cumsum(
        np.random.default_rng(5).choice([1, 1, 1, 1, 2, 70], 900, p=[0.24, 0.24, 0.24, 0.24, 0.03, 0.01])
    )
    together = columns_of(walk(900), parameters, seconds)
    for most in (1, 2, 17):
        parts = columns_of(walk(900), parameters, seconds, most=most)
        for name, column in together.items():
            assert parts[name].tobytes() == column.tobytes(), (name, most)


@pytest.mark.parametrize("alpha", [0.0001, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("window", [2, 5, 40])
def test_a_symbol_with_holes_agrees_with_plain_sums(window: int, alpha: float) -> None:
    generator = np.random.default_rng(window)
    seconds = np.cumsum(generator.choice([1, 2, 3, 30], 400, p=[0.6, 0.2, 0.15, 0.05]))
    prices = walk(400) * generator.choice([1, 1e5], 400, p=[0.98, 0.02])
    columns = columns_of(prices, MetricsParameters(window, max(2, window // 3), alpha=alpha), seconds, most=4)
    for row in range(0, 400, 7):
        wanted = plain(prices[: row + 1], seconds[: row + 1], window, max(2, window // 3), alpha)
        for name, value in wanted.items():
            assert columns[name][row] == pytest.approx(value, rel=1e-9, abs=1e-12 * prices[row]), (name, row)


def plain(prices: np.ndarray, seconds: np.ndarray, window: int, rsi_window: int, alpha: float) -> dict[str, float]:
    """The newest row, from all of its window's bars."""
    c = prices[seconds > seconds[-1] - window].tolist()
    recent = prices[seconds > seconds[-1] - rsi_window].tolist()
    mean, weights = math.fsum(c) / len(c), [(1 - alpha) ** (len(c) - 1 - i) for i in range(len(c))]
    return {
        "SUM_MOVEMENT_COUNT": len(c),
        "SIMPLE_MOVING_AVERAGE": mean,
        "EXPONENTIAL_MOVING_AVERAGE": math.fsum(x * w for x, w in zip(c, weights, strict=True)) / math.fsum(weights),
        "STANDARD_DEVIATION": math.sqrt(math.fsum((x - mean) ** 2 for x in c) / len(c)),
        "SUM_UP_MOVEMENT": math.fsum(max(b - a, 0) for a, b in itertools.pairwise(recent)),
        "SUM_DOWN_MOVEMENT": math.fsum(min(b - a, 0) for a, b in itertools.pairwise(recent)),
    }


@pytest.mark.parametrize("level", [1e-5, 1.8, 60_000.0])
def test_is_accurate_long_after_many_bad_ticks(level: float) -> None:
    prices = walk(30_000, level)
    prices[::1_000] *= 1e5
    window = 300
    columns = columns_of(prices, MetricsParameters())
    for row in [*range(29_000, 29_003), 29_298, 29_299, 29_300, 29_301, 29_999]:
        wanted = plain(prices[: row + 1], np.arange(row + 1), window, window, 0.5)
        for name, value in wanted.items():
            absolute = 0.0 if name.endswith("AVERAGE") else 1e-12 * level
            assert columns[name][row] == pytest.approx(value, rel=1e-9, abs=absolute), (name, row)


@pytest.mark.parametrize("price", [1e-5, 1.1, 1.23456789, 60_000.7])
def test_a_flat_window_has_exact_zeros_and_no_rsi(price: float) -> None:
    prices = np.full(700, price)
    prices[:50] = walk(50, price)
    prices[20] = price * 1e5
    columns = columns_of(prices, MetricsParameters())
    flat = slice(349, None)  # the window's 300 bars are all at or after bar 50
    for name in ("STANDARD_DEVIATION", "SUM_UP_MOVEMENT", "SUM_DOWN_MOVEMENT", "LOG_RTN"):
        assert not columns[name][flat].any(), name
        assert not np.signbit(columns[name][flat]).any(), name
    np.testing.assert_allclose(columns["EXPONENTIAL_MOVING_AVERAGE"][flat], price, rtol=1e-15)
    assert np.isnan(columns["RELATIVE_STRENGTH"][flat]).all()
    assert np.isnan(columns["RELATIVE_STRENGTH_INDICATOR"][flat]).all()


def test_the_rsi_of_a_window_that_only_rises_is_100_and_has_no_strength() -> None:
    columns = columns_of(np.array([1.0, 1.1, 1.1]), MetricsParameters(5))
    assert np.isnan(columns["RELATIVE_STRENGTH"]).all()
    np.testing.assert_array_equal(columns["RELATIVE_STRENGTH_INDICATOR"], [np.nan, 100.0, 100.0])


def test_a_move_leaves_with_the_older_of_its_bars() -> None:
    """Bars at 0, 1, 5 and 6 s: at 6 s a window of 5 s holds (1, 6], so the move 1 → 5 has no first bar any more."""
    columns = columns_of(np.array([1.0, 2.0, 4.0, 8.0]), MetricsParameters(5), np.array([0, 1, 5, 6]))
    assert columns["SUM_MOVEMENT_COUNT"].tolist() == [1, 2, 2, 2]
    assert columns["SUM_UP_MOVEMENT"].tolist() == [0.0, 1.0, 2.0, 4.0]
    np.testing.assert_allclose(columns["LOG_RTN"], np.log([1, 2, 2, 2]))
    assert columns["EXPONENTIAL_MOVING_AVERAGE"].tolist() == pytest.approx([1, 2.5 / 1.5, 5 / 1.5, 10 / 1.5])


def test_the_log_return_is_1_bar_old_at_most_as_old_as_the_window() -> None:
    columns = columns_of(np.array([1.0, 2.0]), MetricsParameters(3), np.array([0, 3]))
    assert columns["LOG_RTN"].tolist() == [0.0, 0.0]
    assert columns["SUM_MOVEMENT_COUNT"].tolist() == [1, 1]
