from __future__ import annotations

import numpy as np
import pytest
from tests.model.market import metrics_table
from tests.model.versions_of_chance import RULES, random_scorer

from fsictl.model.columns import columns_of
from fsictl.model.forward import forward_returns, signal_returns, signed_returns

COLUMNS = columns_of(metrics_table(rows=400))


def test_returns_are_signed_and_unknown_without_a_future():
    ends = np.array([10, 20, 395])
    made = signed_returns(COLUMNS, ends, np.array([True, False, True]), 60)
    moves = np.log(COLUMNS.close[ends[:2] + 60] / COLUMNS.close[ends[:2]])
    np.testing.assert_allclose(made[:2], moves * [-1, 1])
    assert np.isnan(made[2])


def made_up(edge: float, seed: int, hours: int = 200):
    """Signals every second of some hours, whose future is shared by the seconds of each five minutes."""
    rng = np.random.default_rng(seed)
    time = np.arange(hours * 3600)[::10] * 1000
    flagged = np.repeat(rng.random(len(time) // 30 + 1) < 0.3, 30)[: len(time)]
    shared = np.repeat(rng.standard_normal(len(time) // 30 + 1), 30)[: len(time)]
    return time, 1e-4 * (shared + edge * ~flagged), flagged


def test_the_interval_covers_no_difference_when_there_is_none():
    covered = 0
    for seed in range(40):
        time, returns, flagged = made_up(0.0, seed)
        one = forward_returns(time, returns, flagged, horizon=60, length=30)
        covered += one.difference.low <= 0 <= one.difference.high
    assert covered >= 34  # 95 % of 40 are 38; windows that were taken as independent would give about 14


def test_a_flag_that_helps_is_seen():
    time, returns, flagged = made_up(0.5, 1)
    one = forward_returns(time, returns, flagged, horizon=60, length=30)
    assert one.difference.low > 0
    assert one.reliable_return.low > 0
    assert one.reliable_hits.value > one.flagged_hits.value


def test_few_blocks_give_no_interval():
    time, returns, flagged = made_up(0.5, 1, hours=1)
    one = forward_returns(time[:50], returns[:50], flagged[:50], horizon=60, length=30)
    assert np.isnan(one.difference.low)


def test_no_signal_at_all():
    none = np.empty(0)
    one = forward_returns(none.astype(np.int64), none, none.astype(bool), horizon=60, length=30)
    assert (one.flagged, one.reliable, one.blocks) == (0, 0, 0)


def test_signals_come_from_the_verdicts_of_a_version():
    table = metrics_table(rows=1500)
    (one,) = signal_returns(table, random_scorer(), RULES, [60])
    assert one.flagged > 0
    assert one.reliable > 0
    assert one.flagged_hits.value == pytest.approx(0.5, abs=0.5)
