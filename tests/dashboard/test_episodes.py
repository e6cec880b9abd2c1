from __future__ import annotations

import numpy as np
from tests.dashboard.made_up import verdict_rows

from fsictl.dashboard.episodes import AlertLog


def test_alerts_close_together_are_one_episode_with_its_peak() -> None:
    log = AlertLog(gap=60)
    log.add(
        verdict_rows(
            "A",
            [100, 101, 150, 300],
            alert=np.array([True, True, True, True]),
            reconstruction_error=np.array([2.0, 3.0, 2.5, 9.0]),
            rsi=np.array([80.0, 81.0, 82.0, 83.0]),
        )
    )
    late, early = log.recent(10)
    assert (early.since, early.until, early.rows, early.error, early.rsi) == (100, 150, 3, 3.0, 81.0)
    assert (late.since, late.until) == (300, 300)
    assert log.recent(1) == [late]


def test_an_episode_goes_on_in_the_next_batch_and_is_told_again() -> None:
    log = AlertLog()
    (first,) = log.add(verdict_rows("A", [100], alert=np.array([True])))
    (second,) = log.add(verdict_rows("A", [101], alert=np.array([True])))
    assert first.key == second.key
    assert second.rows == 2
    assert log.add(verdict_rows("A", [102])) == []


def test_symbols_do_not_mix_and_nulls_are_no_alerts() -> None:
    log = AlertLog()
    log.add(verdict_rows("A", [100], alert=np.array([True])))
    log.add(verdict_rows("B", [101], alert=np.array([True])))
    log.add(verdict_rows("C", [102], alert=[None], unreliable=[None], reconstruction_error=[None]))
    assert [episode.symbol for episode in log.recent(10)] == ["B", "A"]
    assert (log.since(101), log.since(100), log.since(102)) == (1, 2, 0)


def test_only_the_latest_episodes_are_kept() -> None:
    log = AlertLog(gap=1, most=3)
    log.add(verdict_rows("A", range(0, 100, 10), alert=np.ones(10, bool)))
    assert [episode.since for episode in log.recent(10)] == [90, 80, 70]
