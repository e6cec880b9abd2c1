"""The rolling columns: windows of bars in, one value per row out.

Every row is computed from the bars of its own window alone, in a fixed order, relative to its own last price:
nothing is carried from row to row, so nothing drifts, nothing cancels, a bad tick is forgotten when it leaves the
window, and the result is the same to the bit however many rows are computed at once.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

_BLOCK_ELEMENTS = 1 << 15  # of one temporary (256 KiB), so that a few of them fit into a cache
_NEGLIGIBLE = 1e-30  # EMA weights below this cannot change a double, not even for a bad tick of 1e10 × the price


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
    weights, weight_sums = _ema_weights(parameters.alpha, window)
    lasts, totals = sliding(tape.last, window), sliding(tape.total, window)
    n = np.empty(len(at), np.int64)
    total, ema, std = np.empty(len(at)), np.empty(len(at)), np.empty(len(at))
    for rows, first, outside in _blocks(tape, at, window):
        newest = tape.last[at[rows]]
        sums, moves = totals[first], lasts[first]
        moves -= newest[:, None]
        count = n[rows] = _count_inside(outside, window)
        _clear(outside, sums, moves)
        total[rows] = np.add.reduce(sums, axis=1)
        recent = moves[:, window - len(weights) :] * weights
        ema[rows] = newest + np.add.reduce(recent, axis=1) / weight_sums[count - 1]
        mean = np.add.reduce(moves, axis=1) / count
        mean_square = np.add.reduce(np.square(moves, out=moves), axis=1) / count
        # Safe, unlike E[x²] − E[x]² of prices: x is relative to a bar of the same window, so mean² < n · variance.
        std[rows] = np.sqrt(np.maximum(mean_square - mean * mean, 0.0))
    return n, total, ema, std


def _moves(tape: Tape, at: IntArray, window: int) -> tuple[IntArray, FloatArray, FloatArray]:
    """Number of bars, Σ max(d, 0) and Σ min(d, 0) of every row's window.

    A move belongs to the window when both of its bars do, so it is enough to ask for the older one.
    """
    moves = np.diff(tape.last)
    rises, falls = sliding(np.maximum(moves, 0.0), window - 1), sliding(np.minimum(moves, 0.0), window - 1)
    n = np.empty(len(at), np.int64)
    up, down = np.empty(len(at)), np.empty(len(at))
    for rows, first, outside in _blocks(tape, at, window):
        rise, fall = rises[first], falls[first]
        n[rows] = _count_inside(outside, window)
        _clear(None if outside is None else outside[:, :-1], rise, fall)
        up[rows] = np.add.reduce(rise, axis=1)
        down[rows] = np.add.reduce(fall, axis=1)
    return n, up, down


def sliding(values: npt.NDArray[Scalar], width: int) -> npt.NDArray[Scalar]:
    """Every window of a contiguous array as the row of a view: ``sliding_window_view`` at a tenth of its cost.

    Fancy indexing copies rows of it quickly, and C-contiguous: so sums over them have the same order for one as for
    many. Assigning to its rows writes to ``values``.
    """
    shape, strides = (len(values) - width + 1, width), (values.itemsize, values.itemsize)
    return np.ndarray(shape, values.dtype, values, strides=strides)


def _blocks(tape: Tape, at: IntArray, window: int) -> Iterator[tuple[slice, IntArray, BoolArray | None]]:
    """Rows a few at a time: which, where their windows begin, and which bars of these are too old (None: none)."""
    seconds = sliding(tape.second, window)
    first = at - (window - 1)
    start = tape.second[at] - window
    whole = tape.second[first] > start
    size = max(1, _BLOCK_ELEMENTS // window)
    for begin in range(0, len(at), size):
        rows = slice(begin, begin + size)
        outside = None if whole[rows].all() else seconds[first[rows]] <= start[rows, None]
        yield rows, first[rows], outside


def _count_inside(outside: BoolArray | None, window: int) -> IntArray | np.int64:
    return np.int64(window) if outside is None else window - np.count_nonzero(outside, axis=1)


def _clear(outside: BoolArray | None, *windows: FloatArray) -> None:
    if outside is not None:
        for values in windows:
            values[outside] = 0.0


@functools.cache
def _ema_weights(alpha: float, window: int) -> tuple[FloatArray, FloatArray]:
    """The weights of the newest bars, oldest first, as many as can matter; and the sum of all weights of 1 … n bars."""
    weights: FloatArray = (1 - alpha) ** np.arange(window, dtype=np.float64)
    return weights[weights >= _NEGLIGIBLE][::-1].copy(), np.cumsum(weights)


def _sum_of_newest(values: IntArray, at: IntArray, n: IntArray) -> IntArray:
    """The sum of the ``n`` values that end at each position; exact, because they are integers."""
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    difference: IntArray = sums[at + 1] - sums[at + 1 - n]
    return difference


def _log_return(last: FloatArray, previous: FloatArray) -> FloatArray:
    change = np.log1p((last - previous) / previous)
    # A price that loses all of its digits at once (1 → 1e-17) is too much for log1p.
    return np.where(np.isfinite(change), change, np.log(last) - np.log(previous))
