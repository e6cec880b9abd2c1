"""Anomalies: where their labels say, of the size that they say, and nowhere else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from fsictl.prices.anomalies import AFTERMATH_MS, KINDS, Anomaly, apply, plan
from fsictl.prices.pairs import PAIRS
from fsictl.prices.simulate import simulate
from fsictl.records.ticks import Ticks

TICKS = Ticks.concat(list(simulate(["EURUSD", "USDJPY"], hz=5.0, seed=2, duration=3600.0)))


def changed(after: Ticks, symbol: str) -> tuple[np.ndarray, np.ndarray]:
    """Times and differences of that symbol's prices."""
    mine = TICKS.code == TICKS.symbols.index(symbol)
    return TICKS.timestamp[mine], after.value[mine] - TICKS.value[mine]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "stale"])
def test_prices_change_where_the_label_says(kind: str) -> None:
    anomaly = Anomaly("EURUSD", 600_000, 660_000, kind)
    after = apply(TICKS, [anomaly], seed=1)
    time, difference = changed(after, "EURUSD")
    inside = (time >= anomaly.start_ms) & (time < anomaly.end_ms)
    beyond = (time < anomaly.start_ms) | (time >= anomaly.end_ms + AFTERMATH_MS)
    assert (difference[inside] != 0).mean() > 0.9
    assert (difference[beyond] == 0).all()
    assert (changed(after, "USDJPY")[1] == 0).all()
    back = difference[(time >= anomaly.end_ms) & ~beyond]
    assert (back != 0).any() == (kind in {"drift", "shift"})
    mine = after.value[after.code == 0]
    assert (mine == np.round(mine, PAIRS["EURUSD"].decimals)).all()
    twice = changed(apply(TICKS, [anomaly], seed=1, severity=2.0), "EURUSD")[1]
    np.testing.assert_allclose(twice, 2 * difference, atol=3e-5)


def test_a_shift_has_the_size_that_is_documented() -> None:
    time, difference = changed(apply(TICKS, [Anomaly("USDJPY", 600_000, 601_000, "shift")], seed=3), "USDJPY")
    mine = TICKS.take(TICKS.code == 1)
    before = (mine.timestamp >= 300_000) & (mine.timestamp < 600_000)
    second = mine.timestamp[before] // 1000
    close = mine.value[before][np.flatnonzero(np.diff(second, append=-1))]
    v = np.sqrt(np.mean(np.diff(close) ** 2))
    jump = abs(difference[(time > 600_000) & (time < 1_200_000)])
    assert 5.5 * v < jump.min() <= jump.max() < 15.5 * v
    assert jump.max() - jump.min() < 0.0021


def test_stale_takes_the_ticks_away() -> None:
    after = apply(TICKS, [Anomaly("EURUSD", 600_000, 660_000, "stale")], seed=1)
    inside = (TICKS.timestamp >= 600_000) & (TICKS.timestamp < 660_000) & (TICKS.code == 0)
    assert len(after) == len(TICKS) - inside.sum()
    assert (after.timestamp == TICKS.timestamp[~inside]).all()


def test_the_same_seed_does_the_same() -> None:
    anomalies = plan(["EURUSD", "USDJPY"], 0, 3_600_000, seed=4, every=60.0)
    first, again, other = (apply(TICKS, anomalies, seed=seed).value for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_plans_leave_room() -> None:
    anomalies = plan(["EURUSD", "USDJPY"], 1_000, 86_400_000, seed=1, every=600.0)
    assert {anomaly.kind for anomaly in anomalies} == set(KINDS)
    for symbol in ("EURUSD", "USDJPY"):
        mine = [anomaly for anomaly in anomalies if anomaly.symbol == symbol]
        assert 30 < len(mine) < 90
        assert mine[0].start_ms >= 301_000
        assert all(a.end_ms + AFTERMATH_MS <= b.start_ms for a, b in itertools.pairwise(mine))
        assert mine[-1].end_ms <= 86_400_000
    alone = plan(["USDJPY"], 1_000, 86_400_000, seed=1, every=600.0)
    assert alone == [anomaly for anomaly in anomalies if anomaly.symbol == "USDJPY"]


def test_nothing_to_change() -> None:
    assert len(apply(Ticks.empty(), [Anomaly("EURUSD", 0, 1000, "spike")], seed=1)) == 0
    still = Ticks.of(["EURUSD"] * 3, [0, 1000, 2000], [1.5, 1.5, 1.5])
    assert apply(still, [Anomaly("EURUSD", 1000, 3000, "burst")], seed=1).value.tolist() == [1.5, 1.5, 1.5]
