"""What the model sees of a metrics row: six numbers without a unit, so that price and calm or busy hours cancel out.

With σ the root mean square of 300 one-second log returns, ending 30 s before the row (so that an anomaly does not
hide itself by raising its own yardstick), and w the metrics window in seconds:

=================== ===============================================================================
``log_return``      LOG_RTN / σ
``sma_distance``    (SMA / close − 1) / (σ √w)
``ema_distance``    (EMA / close − 1) / σ
``deviation``       STANDARD_DEVIATION / (close σ √w)
``volatility``      ln(root mean square of the last 15 log returns / σ + 0.02)
``tick_rate``       ln(1 + mean number of ticks per bar over the last 5 bars); a filled bar has none
=================== ===============================================================================

√w is there because averages and deviations over w seconds spread like √w returns. The 300, 30, 15 and 5 are
the model's own and do not follow the metrics window.

The features of a row are the same to the last bit whatever rows come before the ones they need: sums are made
of the row's own window, in a fixed order, never as differences of running sums.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Columns, Floats

FEATURES = ("log_return", "sma_distance", "ema_distance", "deviation", "volatility", "tick_rate")
"""Names of the features, in the order of the last axis of every window."""

LEVELS = ("LOG_RTN", "SIMPLE_MOVING_AVERAGE", "EXPONENTIAL_MOVING_AVERAGE", "STANDARD_DEVIATION")
"""What the ancestor's model saw: columns of ``metrics`` as they are. Only the preset ``ancestor`` uses them."""

SIGMA_ROWS = 300
SIGMA_LAG = 30
VOLATILITY_ROWS = 15
TICK_ROWS = 5

LEAST_SIGMA = 1e-8
"""Yardstick of a flat price: less than a single smallest step of a quoted price gives over five minutes."""

LEAST_VOLATILITY_RATIO = 0.02


def history_rows(metrics_window: int) -> int:
    """How many rows before a row, without a hole, its features need: those of σ, and those of a full metrics window.

    >>> history_rows(300)
    329
    """
    return max(SIGMA_ROWS + SIGMA_LAG, metrics_window) - 1


def features_of(columns: Columns, *, metrics_window: int, names: tuple[str, ...] = FEATURES) -> npt.NDArray[np.float32]:
    """The features of that set (:data:`FEATURES` or :data:`LEVELS`) of every row, as [rows, features].

    Only rows with ``history_rows`` predecessors of their symbol without a hole are meaningful; the others hold
    finite numbers that nobody should read.
    """
    if names == LEVELS:
        levels = [columns.log_return, columns.sma, columns.ema, columns.deviation]
        with np.errstate(over="ignore"):
            return np.stack(levels, axis=1).astype(np.float32)
    with np.errstate(all="ignore"):  # numbers that are not finite give windows without a score
        squares = columns.log_return * columns.log_return
        sigma = np.sqrt(_delayed(rolling_sum(squares, SIGMA_ROWS), SIGMA_LAG) / SIGMA_ROWS)
        sigma = np.maximum(sigma, LEAST_SIGMA)
        spread = sigma * np.sqrt(metrics_window)
        volatility = np.sqrt(rolling_sum(squares, VOLATILITY_ROWS) / VOLATILITY_ROWS)
        ticks = rolling_sum(columns.ticks.astype(np.float64), TICK_ROWS) / TICK_ROWS
        features = np.empty((len(columns), len(FEATURES)), dtype=np.float32)
        features[:, 0] = columns.log_return / sigma
        features[:, 1] = (columns.sma / columns.close - 1.0) / spread
        features[:, 2] = (columns.ema / columns.close - 1.0) / sigma
        features[:, 3] = columns.deviation / (columns.close * spread)
        features[:, 4] = np.log(volatility / sigma + LEAST_VOLATILITY_RATIO)
        features[:, 5] = np.log1p(ticks)
    return features


def rolling_sum(values: Floats, width: int) -> Floats:
    """Sum of the last ``width`` values at every place (of those there are, near the start).

    Sums of 1, 2, 4, 8 … values are made from one another and those that ``width`` consists of are added. So each
    sum is a function of its own values alone, and costs log₂ ``width`` additions.

    >>> rolling_sum(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 3).tolist()
    [1.0, 3.0, 6.0, 9.0, 12.0]
    """
    total = np.zeros_like(values)
    block, size, taken = values, 1, 0
    while True:
        if width & size:
            total = total + _delayed(block, taken)
            taken += size
        if 2 * size > width:
            return total
        block = block + _delayed(block, size)
        size *= 2


def _delayed(values: Floats, rows: int) -> Floats:
    """The values ``rows`` places later; zeros where nothing was before."""
    if rows == 0:
        return values
    late = np.zeros_like(values)
    late[rows:] = values[:-rows]
    return late
