"""The noise of the simulated prices: heavier tails than a normal distribution, and slightly skewed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fsictl.records.ticks import FloatArray


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@dataclass(frozen=True, slots=True)
class SkewedT:
    """The skewed generalised Student t distribution (Theodossiou 1998) with mean 0.

    ``p`` and ``q`` shape peak and tails (moments below p·q exist; p·q must exceed 2), ``skew`` λ in (−1, 1) moves
    weight between the sides, ``scale`` is the standard deviation.

    >>> z = SkewedT().draw(np.random.default_rng(1), 100_000)
    >>> round(float(z.mean()), 4), round(float(z.std()), 4)
    (0.0, 0.0062)
    """

    p: float = 1.5
    q: float = 10.0
    skew: float = -0.0082
    scale: float = 0.0062

    def draw(self, rng: np.random.Generator, n: int) -> FloatArray:
        """``n`` independent values.

        |z| relative to its side's width is (q·b/(1−b))^(1/p) with b from Beta(1/p, q), and a side is as likely
        as it is wide.
        """
        spread, mean = self._spread_and_mean()
        b = rng.beta(1.0 / self.p, self.q, n)
        distance = (self.q * b / (1.0 - b)) ** (1.0 / self.p)
        side = np.where(rng.random(n) < (1.0 + self.skew) / 2.0, 1.0 + self.skew, self.skew - 1.0)
        return spread * (distance * side - mean)

    def _spread_and_mean(self) -> tuple[float, float]:
        """The factor that makes ``scale`` the standard deviation, and the mean before it is taken off."""
        p, q, skew = self.p, self.q, self.skew
        one = q ** (1.0 / p) * math.exp(_log_beta(2.0 / p, q - 1.0 / p) - _log_beta(1.0 / p, q))
        two = q ** (2.0 / p) * math.exp(_log_beta(3.0 / p, q - 2.0 / p) - _log_beta(1.0 / p, q))
        mean = 2.0 * skew * one
        variance = (1.0 + 3.0 * skew**2) * two - mean**2
        return self.scale / math.sqrt(variance), mean
