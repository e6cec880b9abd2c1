"""The process in closed form against the plain loop over its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.prices.noise import SkewedT
from fsictl.prices.process import Ckls


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.71, 1.18, 151.47]), st.floats(0.5, 1000.0), st.floats(-1.0, 1.0))
def test_path_is_the_recursion(seed: int, mean: float, hz: float, drift: float) -> None:
    rng = np.random.default_rng(seed)
    gaps = np.diff(np.sort(rng.random(int(60 * hz)) * 60.0), prepend=0.0)
    noise, process = SkewedT(), Ckls()
    z = noise.draw(rng, len(gaps))
    volatility = np.where(rng.random(len(gaps)) < 0.5, 1.0, 0.5)
    drifts = np.full(len(gaps), drift)
    path = process.path(mean * 1.02, mean, gaps, z, scale=noise.scale, volatility=volatility, drift=drifts, floor=1e-5)
    x, expected = mean * 1.02, []
    for h, shock, v, m in zip(gaps, z, volatility, drifts, strict=True):
        dt = h / process.step
        one_second = noise.scale / math.sqrt(process.step)
        x = (
            mean
            + (x - mean) * math.exp(-process.theta * dt)
            + process.sigma * x**process.d * (v * math.sqrt(dt) * shock + m * one_second * h)
        )
        expected.append(x)
    np.testing.assert_allclose(path, expected, rtol=1e-10)


def test_stationary_spread() -> None:
    rng, noise, process = np.random.default_rng(1), SkewedT(), Ckls()
    n = 400_000
    x, last = [], 1.18
    for _ in range(100):  # one step of 30 s between ticks, in stretches
        gaps = np.full(n // 100, 30.0)
        still = np.zeros(len(gaps))
        path = process.path(
            last,
            1.18,
            gaps,
            noise.draw(rng, len(gaps)),
            scale=noise.scale,
            volatility=still + 1,
            drift=still,
            floor=1e-5,
        )
        last = float(path[-1])
        x.append(path)
    expected = process.sigma * 1.18**process.d * noise.scale / math.sqrt(2 * process.theta)
    assert np.std(np.concatenate(x)) == pytest.approx(expected, rel=0.05)


def test_never_below_the_floor() -> None:
    shocks = np.full(100, -10.0)
    ones, zeros = np.ones(100), np.zeros(100)
    path = Ckls().path(1.0, 1.0, ones, shocks, scale=1.0, volatility=ones, drift=zeros, floor=0.001)
    assert path.min() >= 0.001
