"""The noise against its density."""

from __future__ import annotations

import math

import numpy as np

from fsictl.prices.noise import SkewedT


def test_draws_follow_the_density() -> None:
    law = SkewedT(p=1.5, q=10.0, skew=-0.3, scale=2.0)
    z = law.draw(np.random.default_rng(7), 400_000)
    # The density of Theodossiou's distribution, centred and scaled as documented by its moments.
    p, q, skew = law.p, law.q, law.skew

    def beta(a: float, b: float) -> float:
        return math.gamma(a) * math.gamma(b) / math.gamma(a + b)

    b1, b2, b3 = beta(1 / p, q), beta(2 / p, q - 1 / p), beta(3 / p, q - 2 / p)
    v = q ** (-1 / p) / math.sqrt((1 + 3 * skew**2) * b3 / b1 - 4 * skew**2 * (b2 / b1) ** 2)
    m = 2 * v * law.scale * skew * q ** (1 / p) * b2 / b1
    x = np.linspace(-30.0, 30.0, 60_001)
    shifted = x + m
    side = np.abs(shifted) ** p / (q * (v * law.scale) ** p * (skew * np.sign(shifted) + 1) ** p)
    density = p / (2 * v * law.scale * q ** (1 / p) * b1 * (side + 1) ** (1 / p + q))
    cumulative = np.cumsum(density) * (x[1] - x[0])
    empirical = np.searchsorted(np.sort(z), x) / len(z)
    assert np.abs(cumulative - empirical).max() < 0.005
    assert abs(z.mean()) < 0.02
    assert abs(z.std() - 2.0) < 0.02
