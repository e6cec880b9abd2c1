"""The stochastic process of the prices: Chan, Karolyi, Longstaff and Sanders (1992), in steps from tick to tick."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fsictl.records.ticks import FloatArray

_PASSES = 3
"""Each pass gains three digits or more on a minute of prices: 4e-10 of the price after two, 1e-13 after three."""


@dataclass(frozen=True, slots=True)
class Ckls:
    """dx = θ(μ − x)dt + σ·x^d·dz, with dt in steps of ``step`` seconds.

    From one tick to the next, h seconds later, with dt = h / step, a volatility v and a drift m of the regime::

        x ← μ + (x − μ)·e^(−θ·dt) + σ·x^d·(v·√dt·z + m·s·h)

    The first part is dx = θ(μ − x)dt solved exactly, so that a long silence is no trouble; the second is Euler's.
    z comes from :class:`~fsictl.prices.noise.SkewedT` with standard deviation ``scale``; s = scale/√step is what
    that makes in one second. √dt keeps the volatility of a second independent of how many ticks it has. θ and z
    hold for one step of 30 s: half of a disturbance is gone in 58 minutes, one second moves EURUSD by about 1.2
    pips, and without regimes its stationary standard deviation σ·μ^d·scale/√(2θ) is 0.5 % of the price.
    """

    theta: float = 0.006
    sigma: float = 0.094
    d: float = 0.5
    step: float = 30.0

    def path(
        self,
        x0: float,
        mean: float,
        gaps: FloatArray,
        z: FloatArray,
        *,
        scale: float,
        volatility: FloatArray,
        drift: FloatArray,
        floor: float,
    ) -> FloatArray:
        """The prices after each of ``n`` ticks, ``gaps`` seconds apart, starting from ``x0``; never below ``floor``.

        The recursion is linear but for x^d, which hardly changes within a minute: it is solved by fixed-point
        passes, each a linear recursion y_i = a_i·y_(i−1) + g_i in closed form, P_i·(y0 + Σ g_j/P_j) with y = x − μ
        and P the running product of a. All arrays have shape [n].
        """
        dt = gaps / self.step
        decay = np.exp(-self.theta * np.cumsum(dt))
        one_second = scale / math.sqrt(self.step)
        noise = self.sigma * (volatility * np.sqrt(dt) * z + drift * one_second * gaps) / decay
        previous = np.full(len(gaps), x0)
        for _ in range(_PASSES):
            x = mean + decay * (x0 - mean + np.cumsum(noise * previous**self.d))
            np.maximum(x, floor, out=x)
            previous[1:] = x[:-1]
        return x
