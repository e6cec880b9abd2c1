from __future__ import annotations

import numpy as np
from tests.dashboard.made_up import verdict_rows

from fsictl.dashboard.episodes import AlertLog, as_json


def test_alerts_close_together_are_one_episode_with_its_peak() -> None:
    log = AlertLog()
    log.add(
        verdict_rows(
            "A",
            [100, 101, 125, 300],
            alert=np.array([True, True, True, True]),
            reconstruction_error=np.array([2.0, 3.0, 2.5, 9.0]),
            rsi=np.array([80.0, 81.0, 82.0, 83.0]),
        )
    )
    late, early = log.recent(10)
    found = as_json(early)
    assert [found[name] for name in ("since", "until", "error", "rsi")] == [100, 125, 3.0, 81.0]
    assert (as_json(late)["since"], as_json(late)["until"]) == (300, 300)
    assert log.recent(1) == [late]


def test_an_episode_goes_on_in_the_next_batch_and_is_told_again() -> None:
    log = AlertLog()
    (first,) = log.add(verdict_rows("A", [100], alert=np.array([True])))
    (second,) = log.add(verdict_rows("A", [101], alert=np.array([True])))
    assert first.id == second.id
    assert second.seconds == 2
    assert log.add(verdict_rows("A", [102])) == []


def test_symbols_do_not_mix_and_nulls_are_no_alerts() -> None:
    log = AlertLog()
    log.add(verdict_rows("A", [100], alert=np.array([True])))
    log.add(verdict_rows("B", [101], alert=np.array([True])))
    log.add(verdict_rows("C", [102], alert=[None], unreliable=[None], reconstruction_error=[None]))
    assert [episode.symbol for episode in log.recent(10)] == ["B", "A"]
    assert (log.since(101), log.since(100), log.since(102)) == (1, 2, 0)


def test_only_the_latest_alerts_are_kept() -> None:
    log = AlertLog(most=3)
    log.add(verdict_rows("A", range(0, 1000, 100), alert=np.ones(10, bool)))
    assert [as_json(alert)["since"] for alert in log.recent(10)] == [900, 800, 700]
