"""Windows: which stretches of metrics rows are judged.

Training, calibration, batch and live scoring all cut their windows here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Columns, Flags, Floats, Integers

ROW_MS = 1000
"""Milliseconds from one metrics row of a symbol to its next."""


@dataclass(frozen=True, slots=True)
class WindowRules:
    """Which windows there are and which of them are stale; the same everywhere a model is used.

    ``length`` rows end at an RSI above ``overbought`` or below ``oversold``. A window is stale when its symbol
    had no tick for more than ``stale_after`` seconds, or more than ``most_filled`` of its rows are filled.
    ``metrics_window`` and ``rsi_window`` (seconds) say how the metrics were made.
    """

    length: int = 30
    overbought: float = 70.0
    oversold: float = 30.0
    stale_after: float = 20.0
    most_filled: float = 0.9
    metrics_window: int = 300
    rsi_window: int = 300


def is_extreme(rsi: Floats, *, overbought: float, oversold: float) -> Flags:
    """Where the RSI says something; a null RSI (NaN) never does.

    >>> is_extreme(np.array([71.0, 70.0, 29.9, np.nan]), overbought=70, oversold=30).tolist()
    [True, False, True, False]
    """
    return (rsi > overbought) | (rsi < oversold)


def run_lengths(code: Integers, timestamp: Integers) -> Integers:
    """For every row, how many rows end there without a hole: same symbol, timestamps 1000 ms apart.

    >>> run_lengths(np.array([0, 0, 0, 0, 1]), np.array([1000, 2000, 4000, 5000, 6000])).tolist()
    [1, 2, 1, 2, 1]
    """
    index = np.arange(len(timestamp))
    starts = np.ones(len(timestamp), dtype=np.bool_)
    starts[1:] = (np.diff(code) != 0) | (np.diff(timestamp) != ROW_MS)
    first = np.maximum.accumulate(np.where(starts, index, 0))
    return index - first + 1


def cut_windows(columns: Columns, runs: Integers, rules: WindowRules) -> Integers:
    """Index of the last row of every window: ``length`` rows without a hole, ending at an extreme RSI."""
    extreme = is_extreme(columns.rsi, overbought=rules.overbought, oversold=rules.oversold)
    return np.flatnonzero(extreme & (runs >= rules.length))


def gather(features: npt.NDArray[np.float32], ends: Integers, length: int) -> npt.NDArray[np.float32]:
    """The windows that end at these rows, as [windows, length, features].

    >>> gather(np.arange(8, dtype=np.float32).reshape(4, 2), np.array([3]), 2).tolist()
    [[[4.0, 5.0], [6.0, 7.0]]]
    """
    windows: npt.NDArray[np.float32] = features[ends[:, None] + np.arange(1 - length, 1)]
    return windows


def filled_share(columns: Columns, ends: Integers, length: int) -> Floats:
    """Share of filled rows in each window."""
    before = np.concatenate(([0], np.cumsum(columns.filled)))
    return (before[ends + 1] - before[ends + 1 - length]) / length


def is_stale(columns: Columns, ends: Integers, rules: WindowRules) -> Flags:
    """Windows about which a rule decides and not the network: there is no live price behind them."""
    silence_ms = columns.timestamp[ends] - columns.last_timestamp[ends]
    return (silence_ms > rules.stale_after * 1000) | (filled_share(columns, ends, rules.length) > rules.most_filled)
