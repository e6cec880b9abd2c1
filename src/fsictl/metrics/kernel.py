"""The rolling columns: windows of bars in, one value per row out.

Every row is computed from the bars of its own window alone, in a fixed order, relative to its own last price:
nothing is carried from row to row, so nothing drifts, nothing cancels, a bad tick is forgotten when it leaves the
window, and the result is the same to the bit however many rows are computed at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]

_BLOCK_ELEMENTS = 1 << 15  # of one temporary; a few of these fit into a core's cache
_NEGLIGIBLE = 1e-19  # weights below this share of the newest bar's cannot change a double


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """The bars of one or more symbols, each symbol's in order of time, one symbol after the other.

    Before the first row of a symbol there must be ``window - 1`` bars, older bars or padding: padding has a
    ``second`` far in the past.
    """

    second: IntArray
    last: FloatArray
    total: FloatArray
    count: IntArray
    filled: BoolArray


def rolling_columns(tape: Tape, at: IntArray, parameters: MetricsParameters) -> dict[str, npt.NDArray[np.generic]]:
    """The columns of ``METRICS`` that need a window, for the bars at the positions ``at`` of the tape.

    NaN in RELATIVE_STRENGTH and RELATIVE_STRENGTH_INDICATOR means null.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return _rolling_columns(tape, at, parameters)


def _rolling_columns(tape: Tape, at: IntArray, parameters: MetricsParameters) -> dict[str, npt.NDArray[np.generic]]:
    last = tape.last[at]
    n, total, ema, std = _levels(tape, at, parameters)
    rsi_n, up, down = _moves(tape, at, parameters.rsi_seconds)
    points = _sum_of_newest(tape.count, at, n)
    sma = total / points
    gain, loss = up / rsi_n, np.abs(down) / rsi_n
    strength = np.where(loss > 0, gain / loss, np.nan)
    rsi = np.where(loss > 0, 100 - 100 / (1 + strength), np.where(gain > 0, 100.0, np.nan))
    band = 2 * std
    return {
        "SUM_MOVEMENT_COUNT": n,
        "SIMPLE_MOVING_AVERAGE": sma,
        "EXPONENTIAL_MOVING_AVERAGE": ema,
        "STANDARD_DEVIATION": std,
        "LOG_RTN": _log_return(last, np.where(n > 1, tape.last[at - 1], last)),
        "SUM_UP_MOVEMENT": up,
        "SUM_DOWN_MOVEMENT": down,
        "ABS_MOVING_AVERAGE_GAIN": gain,
        "ABS_MOVING_AVERAGE_LOSS": loss,
        "RELATIVE_STRENGTH": strength,
        "RELATIVE_STRENGTH_INDICATOR": rsi,
        "BB_MIDDLE_BAND_SMA": sma,
        "BB_UPPER_BAND_SMA": sma + band,
        "BB_BOTTOM_BAND_SMA": sma - band,
        "BB_MIDDLE_BAND_EMA": ema,
        "BB_UPPER_BAND_EMA": ema + band,
        "BB_BOTTOM_BAND_EMA": ema - band,
        "GAP_FILLED_FRACTION": _sum_of_newest(tape.filled.astype(np.int64), at, n) / n,
    }


def _levels(
    tape: Tape, at: IntArray, parameters: MetricsParameters
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """n, ΣSUM, EMA and population standard deviation of every row's window."""
    window = parameters.window
    weights = _ema_weights(parameters.alpha, window)
    weight_sums = np.cumsum((1 - parameters.alpha) ** np.arange(window))
    seconds = sliding_window_view(tape.second, window)
    lasts, totals = sliding_window_view(tape.last, window), sliding_window_view(tape.total, window)
    n = np.full(len(at), window, np.int64)
    total, ema, std = np.empty(len(at)), np.empty(len(at)), np.empty(len(at))
    for rows in _blocks(len(at), window):
        newest = at[rows]
        first = newest - (window - 1)
        # Fancy indexing copies: C-contiguous windows are what makes the order of every sum the same.
        sums, moves = totals[first], lasts[first]
        moves -= tape.last[newest, None]
        outside = _outside(seconds, first, tape.second[newest] - window)
        if outside is not None:
            sums[outside] = 0.0
            moves[outside] = 0.0
            n[rows] -= np.count_nonzero(outside, axis=1)
        total[rows] = np.add.reduce(sums, axis=1)
        recent = moves[:, window - len(weights) :] * weights
        ema[rows] = tape.last[newest] + np.add.reduce(recent, axis=1) / weight_sums[n[rows] - 1]
        moves -= (np.add.reduce(moves, axis=1) / n[rows])[:, None]
        if outside is not None:
            moves[outside] = 0.0
        std[rows] = np.sqrt(np.add.reduce(np.square(moves, out=moves), axis=1) / n[rows])
    return n, total, ema, std


def _moves(tape: Tape, at: IntArray, window: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """Number of bars, Σ max(d, 0) and Σ min(d, 0) of every row's window.

    A move belongs to the window when both of its bars do, so it is enough to ask for the older one.
    """
    moves_view = sliding_window_view(np.diff(tape.last), window - 1)
    older_seconds = sliding_window_view(tape.second, window - 1)
    n = np.full(len(at), window, np.int64)
    up, down = np.empty(len(at)), np.empty(len(at))
    for rows in _blocks(len(at), window):
        newest = at[rows]
        first = newest - (window - 1)
        moves = moves_view[first]
        outside = _outside(older_seconds, first, tape.second[newest] - window)
        if outside is not None:
            moves[outside] = 0.0
            n[rows] -= np.count_nonzero(outside, axis=1)
        up[rows] = np.add.reduce(np.maximum(moves, 0.0), axis=1)
        down[rows] = np.add.reduce(np.minimum(moves, 0.0, out=moves), axis=1)
    return n, up, down


def _blocks(rows: int, window: int) -> list[slice]:
    size = max(1, _BLOCK_ELEMENTS // window)
    return [slice(start, start + size) for start in range(0, rows, size)]


def _outside(seconds: IntArray, first: IntArray, start: IntArray) -> BoolArray | None:
    """Which bars of the windows are not after ``start``; None when all are inside, the usual case."""
    if bool(np.all(seconds[first, 0] > start)):
        return None
    outside: BoolArray = seconds[first] <= start[:, None]
    return outside


def _ema_weights(alpha: float, window: int) -> FloatArray:
    """The weights of the newest bars, oldest of them first, as many as can matter."""
    weights: FloatArray = (1 - alpha) ** np.arange(window - 1, -1, -1, dtype=np.float64)
    return weights[weights >= _NEGLIGIBLE * (1 - alpha)]


def _sum_of_newest(values: IntArray, at: IntArray, n: IntArray) -> IntArray:
    """The sum of the ``n`` values that end at each position; exact, because they are integers."""
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    difference: IntArray = sums[at + 1] - sums[at + 1 - n]
    return difference


def _log_return(last: FloatArray, previous: FloatArray) -> FloatArray:
    change = np.log1p((last - previous) / previous)
    # A price that loses all of its digits at once (1 → 1e-17) is too much for log1p.
    return np.where(np.isfinite(change), change, np.log(last) - np.log(previous))
