"""Regimes: stretches in which prices rise or fall steadily, between stretches in which they do not.

Without them the RSI over 300 one-second bars is never extreme (that takes about five standard deviations), and
there would be nothing to learn from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsictl.records.ticks import FloatArray


@dataclass(frozen=True, slots=True)
class RegimeLaw:
    """How long regimes last and what they do.

    A stretch of normal prices lasts between the two ``normal`` seconds, then prices rise or fall between the two
    ``trend`` seconds. Of two trends one rises and one falls, in random order, so that prices do not run away. In a
    trend the volatility is ``calm`` times the normal one, and the price moves by ``drift`` of the trend's
    one-second standard deviations a second.
    """

    normal: tuple[float, float] = (120.0, 300.0)
    trend: tuple[float, float] = (300.0, 700.0)
    calm: float = 0.5
    drift: float = 0.7


class Regimes:
    """The regimes of one symbol, from second 0 on."""

    def __init__(self, rng: np.random.Generator, law: RegimeLaw | None = None) -> None:
        self._rng = rng
        self._law = law or RegimeLaw()
        self._ends = [rng.uniform(*self._law.normal)]
        self._directions = [0.0]
        self._other_trend = 0.0  # the direction of the next trend, when the last was the first of two

    def at(self, times: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Volatility and drift at those times (seconds, ascending, none before those of the call before).

        Volatility is relative to the normal one; drift is in normal one-second standard deviations a second.
        """
        if not len(times):
            return np.empty(0), np.empty(0)
        self._extend(float(times[0]), float(times[-1]))
        direction = np.array(self._directions)[np.searchsorted(self._ends, times, side="right")]
        calm = self._law.calm
        return np.where(direction == 0.0, 1.0, calm), direction * (calm * self._law.drift)

    def _extend(self, first: float, last: float) -> None:
        """Draw regimes up to ``last`` and forget those that ended before ``first``."""
        while self._ends[-1] <= last:
            if self._directions[-1] == 0.0:
                direction, limits = self._next_trend(), self._law.trend
            else:
                direction, limits = 0.0, self._law.normal
            self._directions.append(direction)
            self._ends.append(self._ends[-1] + self._rng.uniform(*limits))
        while self._ends[0] <= first:
            del self._ends[0], self._directions[0]

    def _next_trend(self) -> float:
        if self._other_trend:
            direction, self._other_trend = self._other_trend, 0.0
        else:
            direction = 1.0 if self._rng.random() < 0.5 else -1.0
            self._other_trend = -direction
        return direction
