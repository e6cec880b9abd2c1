"""The rolling columns: bars in, one value per row out. How the sums over a window are kept is in ``halves``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.metrics.halves import Halves
from fsictl.metrics.history import History, Owners, Part
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.terms import Term, ema_weights
from fsictl.records.ticks import FloatArray, IntArray

Column = npt.NDArray[Any]


@dataclass(slots=True, eq=False)
class Windows:
    """The windows of every symbol that the rolling columns are computed from.

    ``whole`` is over ``window`` seconds, ``recent`` over ``rsi_window``, if that is another; ``history`` has the bars
    of the longer one.
    """

    parameters: MetricsParameters
    history: History
    whole: Halves
    recent: Halves | None

    @classmethod
    def empty(cls, parameters: MetricsParameters, room: int) -> Windows:
        """Windows without bars, with room for so many symbols."""
        is_shorter = parameters.rsi_seconds < parameters.window
        return cls(
            parameters,
            History.empty(parameters.window, room),
            Halves.empty(parameters.window, parameters.alpha, room),
            Halves.empty(parameters.rsi_seconds, parameters.alpha, room) if is_shorter else None,
        )

    def roll(self, owners: Owners, second: int, bars: Part, previous: FloatArray) -> dict[str, Column]:
        """Take the symbols' bars of the next seconds, from ``second`` on, and give the columns that need a window.

        The bars must lie in one chunk of each width. ``previous`` is the LAST of the bar before each; where there
        has been none it may be anything. Columns have the shape [seconds, symbols] and are nonsense for absent bars;
        NaN in RELATIVE_STRENGTH and RELATIVE_STRENGTH_INDICATOR means null.
        """
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            whole = _Sums(self.whole, owners, *self.whole.roll(self.history, owners, second, bars, previous))
            recent = whole
            if self.recent:
                recent = _Sums(self.recent, owners, *self.recent.roll(self.history, owners, second, bars, previous))
            columns = _level_columns(whole, self.parameters) | _move_columns(recent)
            columns["LOG_RTN"] = _log_return(bars.last, previous, columns["SUM_MOVEMENT_COUNT"])
        self.history.put(owners, second, bars)
        return columns

    def rebuild(self, last_second: IntArray) -> None:
        """Make everything but the history anew, from the history, for the first symbols."""
        self.whole.rebuild(self.history, last_second)
        if self.recent:
            self.recent.rebuild(self.history, last_second)


class _Sums:
    """The sums over both halves and over each, [seconds, symbols] for every term; and the move between the halves."""

    def __init__(self, halves: Halves, owners: Owners, heads: FloatArray, tails: FloatArray) -> None:
        self.head, self.tail = heads.swapaxes(0, 1), tails.swapaxes(0, 1)
        self.both = (heads + tails).swapaxes(0, 1)
        self.has_tail = self.tail[Term.BARS] > 0
        self.all_have_tails = bool(self.has_tail.all())
        self.across = halves.first[owners] - halves.before[owners]

    def of_tails(self, values: FloatArray) -> FloatArray:
        """These values, with 0 where a window has no tail."""
        return values if self.all_have_tails else np.where(self.has_tail, values, 0.0)


def _level_columns(sums: _Sums, parameters: MetricsParameters) -> dict[str, Column]:
    n, n_head, n_tail = sums.both[Term.BARS], sums.head[Term.BARS], sums.tail[Term.BARS]
    mean_head, squares_head = _spread(n_head, sums.head)
    mean_tail, squares_tail = _spread(n_tail if sums.all_have_tails else np.maximum(n_tail, 1.0), sums.tail)
    # Chan, Golub and LeVeque 1983: the squared deviations of two samples together.
    apart = mean_head - mean_tail + sums.across
    between = sums.of_tails(apart * apart * (n_head * n_tail / n))
    std = np.sqrt((squares_head + squares_tail + between) / n)
    if not np.isfinite(std).all():
        std = np.where(np.isnan(std), np.inf, std)  # a square was too large for a float

    powers, weights = ema_weights(parameters.alpha, parameters.window)
    weighted = sums.head[Term.WEIGHTED] + powers[n_head.astype(np.int64)] * sums.tail[Term.WEIGHTED]
    count = n.astype(np.int64)
    sma, ema, band = sums.both[Term.SUM] / sums.both[Term.COUNT], weighted / weights[count], 2 * std
    return {
        "SUM_MOVEMENT_COUNT": count,
        "SIMPLE_MOVING_AVERAGE": sma,
        "EXPONENTIAL_MOVING_AVERAGE": ema,
        "STANDARD_DEVIATION": std,
        "BB_MIDDLE_BAND_SMA": sma,
        "BB_UPPER_BAND_SMA": sma + band,
        "BB_BOTTOM_BAND_SMA": _below(sma, band),
        "BB_MIDDLE_BAND_EMA": ema,
        "BB_UPPER_BAND_EMA": ema + band,
        "BB_BOTTOM_BAND_EMA": _below(ema, band),
        "GAP_FILLED_FRACTION": sums.both[Term.FILLED] / n,
    }


def _below(middle: FloatArray, band: FloatArray) -> FloatArray:
    """The lower band; where both are too large for a float, it has no end."""
    bottom = middle - band
    return bottom if np.isfinite(bottom).all() else np.where(np.isnan(bottom), -np.inf, bottom)


def _move_columns(sums: _Sums) -> dict[str, Column]:
    # The move between the halves counts while a bar of the tail is in the window: the last one then is.
    across = sums.of_tails(np.broadcast_to(sums.across, sums.has_tail.shape))
    up = sums.both[Term.UP] + np.maximum(across, 0.0)
    down = sums.both[Term.DOWN] + np.minimum(across, 0.0)
    gain, loss = up / sums.both[Term.BARS], np.abs(down) / sums.both[Term.BARS]
    strength = gain / loss
    rsi = 100 - 100 / (1 + strength)
    if not loss.all():
        falls = loss > 0
        strength = np.where(falls, strength, np.nan)
        rsi = np.where(falls, rsi, np.where(gain > 0, 100.0, np.nan))
    return {
        "SUM_UP_MOVEMENT": up,
        "SUM_DOWN_MOVEMENT": down,
        "ABS_MOVING_AVERAGE_GAIN": gain,
        "ABS_MOVING_AVERAGE_LOSS": loss,
        "RELATIVE_STRENGTH": strength,
        "RELATIVE_STRENGTH_INDICATOR": rsi,
    }


def _spread(n: FloatArray, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean of x, and sum of squared deviations from it."""
    mean = sums[Term.X] / n
    return mean, np.maximum(sums[Term.X_SQUARED] - sums[Term.X] * mean, 0.0)


def _log_return(last: FloatArray, previous: FloatArray, n: IntArray) -> FloatArray:
    before = np.where(n > 1, previous, last)
    change = np.log1p((last - before) / before)
    if np.isfinite(change).all():
        return change
    # A price that loses all of its digits at once (1 → 1e-17) is too much for log1p.
    return np.where(np.isfinite(change), change, np.log(last) - np.log(before))
