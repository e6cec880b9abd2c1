"""The rolling columns: bars in, one value per row out. How the sums over a window are kept is in ``halves``."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.metrics.halves import Halves, Terms
from fsictl.metrics.history import History, Owners, Part
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import FloatArray, IntArray

Column = npt.NDArray[Any]


@dataclass(slots=True, eq=False)
class Windows:
    """The windows of every symbol that the rolling columns are computed from.

    ``levels`` is over ``window`` seconds, ``moves`` over ``rsi_window``; ``history`` has the bars of the longer one.
    """

    parameters: MetricsParameters
    history: History
    levels: Halves
    moves: Halves

    @classmethod
    def empty(cls, parameters: MetricsParameters, room: int) -> Windows:
        """Windows without bars, with room for so many symbols."""
        return cls(
            parameters,
            History.empty(parameters.window, room),
            Halves.empty(parameters.window, level_terms(parameters), room),
            Halves.empty(parameters.rsi_seconds, move_terms(), room),
        )

    def roll(self, owners: Owners, second: int, bars: Part, previous: FloatArray) -> dict[str, Column]:
        """Take the symbols' bars of the next seconds, from ``second`` on, and give the columns that need a window.

        The bars must lie in one chunk of each width. ``previous`` is the LAST of the bar before each; where there
        has been none it may be anything. Columns have the shape [seconds, symbols] and are nonsense for absent bars;
        NaN in RELATIVE_STRENGTH and RELATIVE_STRENGTH_INDICATOR means null.
        """
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            levels = self.levels.roll(self.history, owners, second, bars, previous)
            moves = self.moves.roll(self.history, owners, second, bars, previous)
            columns = self._level_columns(owners, *levels) | self._move_columns(owners, *moves)
            columns["LOG_RTN"] = _log_return(bars.last, previous, columns["SUM_MOVEMENT_COUNT"])
        self.history.put(owners, second, bars)
        return columns

    def rebuild(self, last_second: IntArray) -> None:
        """Make everything but the history anew, from the history, for the first symbols."""
        self.levels.rebuild(self.history, last_second)
        self.moves.rebuild(self.history, last_second)

    def _level_columns(self, owners: Owners, heads: FloatArray, tails: FloatArray) -> dict[str, Column]:
        n, total, points, filled = np.moveaxis(heads[:, :4] + tails[:, :4], 1, 0)
        n_head, n_tail = heads[:, 0], tails[:, 0]
        mean_head, square_head = _spread(n_head, heads[:, 4], heads[:, 5])
        mean_tail, square_tail = _spread(np.maximum(n_tail, 1.0), tails[:, 4], tails[:, 5])
        # Chan, Golub and LeVeque 1983: the squares of two samples together.
        apart = (self.levels.before[owners] - self.levels.first[owners]) + (mean_tail - mean_head)
        between = np.where(n_tail > 0, apart * apart * (n_head * n_tail / n), 0.0)
        std = np.sqrt((square_head + square_tail + between) / n)
        powers, weights = ema_weights(self.parameters.alpha, self.parameters.window)
        count = n.astype(np.int64)
        ema = (heads[:, 6] + powers[n_head.astype(np.int64)] * tails[:, 6]) / weights[count]
        sma = total / points
        band = 2 * std
        return {
            "SUM_MOVEMENT_COUNT": count,
            "SIMPLE_MOVING_AVERAGE": sma,
            "EXPONENTIAL_MOVING_AVERAGE": ema,
            "STANDARD_DEVIATION": std,
            "BB_MIDDLE_BAND_SMA": sma,
            "BB_UPPER_BAND_SMA": sma + band,
            "BB_BOTTOM_BAND_SMA": sma - band,
            "BB_MIDDLE_BAND_EMA": ema,
            "BB_UPPER_BAND_EMA": ema + band,
            "BB_BOTTOM_BAND_EMA": ema - band,
            "GAP_FILLED_FRACTION": filled / n,
        }

    def _move_columns(self, owners: Owners, heads: FloatArray, tails: FloatArray) -> dict[str, Column]:
        n, up, down = np.moveaxis(heads + tails, 1, 0)
        # The move between the halves counts while a bar of the tail is in the window: the last one then is.
        across = np.where(tails[:, 0] > 0, self.moves.first[owners] - self.moves.before[owners], 0.0)
        up, down = up + np.maximum(across, 0.0), down + np.minimum(across, 0.0)
        gain, loss = up / n, np.abs(down) / n
        strength = np.where(loss > 0, gain / loss, np.nan)
        return {
            "SUM_UP_MOVEMENT": up,
            "SUM_DOWN_MOVEMENT": down,
            "ABS_MOVING_AVERAGE_GAIN": gain,
            "ABS_MOVING_AVERAGE_LOSS": loss,
            "RELATIVE_STRENGTH": strength,
            "RELATIVE_STRENGTH_INDICATOR": np.where(
                loss > 0, 100 - 100 / (1 + strength), np.where(gain > 0, 100.0, np.nan)
            ),
        }


def level_terms(parameters: MetricsParameters) -> Terms:
    """For SMA, EMA and standard deviation: 1, SUM, COUNT, filled, x, x² and the weighted LAST.

    x is relative to a bar of the same half. That keeps Σx² − (Σx)²/n safe, unlike with prices: the bar itself adds
    at least (Σx/n)² to the sum of squared deviations, so at most log10(n) digits are lost.
    """
    powers, _ = ema_weights(parameters.alpha, parameters.window)

    def of_head(bars: Part, first: FloatArray, previous: FloatArray) -> list[Column]:
        x = bars.only_present(bars.last - first)
        return [bars.present, bars.total, bars.count, bars.filled, x, x * x, bars.only_present(bars.last)]

    def of_tail(bars: Part, before: FloatArray, after: IntArray, following: FloatArray) -> list[Column]:
        x = bars.only_present(bars.last - before)
        weighted = bars.only_present(bars.last * powers[after])
        return [bars.present, bars.total, bars.count, bars.filled, x, x * x, weighted]

    return Terms(7, of_head, of_tail, decay=1 - parameters.alpha)


def move_terms() -> Terms:
    """For the RSI: 1, max(d, 0) and min(d, 0).

    A move belongs to a window when both of its bars do. So a head counts it with its newer bar and a tail with its
    older one; the move from the tail's last bar to the head's first is in neither.
    """

    def of_head(bars: Part, first: FloatArray, previous: FloatArray) -> list[Column]:
        move = bars.only_present(bars.last - previous)
        return [bars.present, np.maximum(move, 0.0), np.minimum(move, 0.0)]

    def of_tail(bars: Part, before: FloatArray, after: IntArray, following: FloatArray) -> list[Column]:
        move = np.where(after > 0, bars.only_present(following - bars.last), 0.0)
        return [bars.present, np.maximum(move, 0.0), np.minimum(move, 0.0)]

    return Terms(3, of_head, of_tail)


@functools.cache
def ema_weights(alpha: float, window: int) -> tuple[FloatArray, FloatArray]:
    """The weight of a bar that 0 … window bars follow, and the sum of the weights of 0 … window bars."""
    powers: FloatArray = (1 - alpha) ** np.arange(window + 1, dtype=np.float64)
    return powers, np.concatenate([np.zeros(1), np.cumsum(powers[:-1])])


def _spread(n: FloatArray, x: FloatArray, squares: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean, and sum of squared deviations from it."""
    mean = x / n
    return mean, np.maximum(squares - x * mean, 0.0)


def _log_return(last: FloatArray, previous: FloatArray, n: IntArray) -> FloatArray:
    before = np.where(n > 1, previous, last)
    change = np.log1p((last - before) / before)
    if np.isfinite(change).all():
        return change
    # A price that loses all of its digits at once (1 → 1e-17) is too much for log1p.
    return np.where(np.isfinite(change), change, np.log(last) - np.log(before))
