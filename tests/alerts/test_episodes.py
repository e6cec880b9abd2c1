from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.alerts.episodes import episodes_of
from fsictl.records.arrow import empty_table, table_of
from fsictl.records.schemas import RECONERR


def verdict(second: int, *, alert: bool | None = True, **other: Any) -> dict[str, Any]:
    return {
        "symbol": "EURUSD",
        "timestamp": second * 1000 + 999,
        "model_version": "v1",
        "reconstruction_error": 3.0,
        "threshold": 2.0,
        "unreliable": alert,
        "alert": alert,
        "p_value": 0.01,
        "rsi": 80.0,
        "side": "overbought",
        "feature_errors": json.dumps({"a": 0.2, "b": 0.8}),
        "gap_filled_fraction": 0.0,
        "reason": None,
    } | other


def verdicts(*rows: dict[str, Any]) -> pa.Table:
    return table_of(RECONERR, {name: [row[name] for row in rows] for name in RECONERR.names})


def test_no_rows_no_alerts():
    assert episodes_of(empty_table(RECONERR)) == []
    assert episodes_of(verdicts(verdict(1, alert=None), verdict(2, alert=False))) == []


def test_rows_close_together_are_one_episode():
    rows = [
        verdict(10),
        verdict(11, alert=False),
        verdict(12, reconstruction_error=7.0, p_value=0.02, feature_errors='{"a": 0.9, "b": 0.1}'),
        verdict(42, p_value=0.001),
        verdict(73),
    ]
    first, second = episodes_of(verdicts(*rows))
    assert (first.start, first.end, first.seconds) == (10_999, 42_999, 33)
    assert (first.largest_error, first.main_feature, first.smallest_p_value) == (7.0, "a", 0.001)
    assert (first.symbol, first.side, first.threshold, first.model_version) == ("EURUSD", "overbought", 2.0, "v1")
    assert (second.start, second.end, second.seconds) == (73_999, 73_999, 1)
    assert first.id != second.id


def test_side_symbol_and_version_keep_episodes_apart():
    rows = [
        verdict(10),
        verdict(11, side="oversold"),
        verdict(11, symbol="USDJPY"),
        verdict(11, model_version="v2"),
        verdict(12, side="oversold"),
    ]
    found = episodes_of(verdicts(*rows))
    assert [(a.symbol, a.side, a.model_version, a.seconds) for a in found] == [
        ("EURUSD", "overbought", "v1", 1),
        ("EURUSD", "oversold", "v1", 2),
        ("EURUSD", "overbought", "v2", 1),
        ("USDJPY", "overbought", "v1", 1),
    ]
    assert len({a.id for a in found}) == 4


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.integers(0, 60)), unique=True, min_size=1), st.randoms())
def test_order_does_not_matter_and_every_row_is_in_one_episode(keys, random):
    rows = [verdict(second, symbol=symbol) for symbol, second in keys]
    found = episodes_of(verdicts(*rows))
    random.shuffle(rows)
    assert episodes_of(verdicts(*rows)) == found
    for row in rows:
        inside = [a for a in found if a.symbol == row["symbol"] and a.start <= row["timestamp"] <= a.end]
        assert len(inside) == 1
    for symbol in ("A", "B"):
        own = [a for a in found if a.symbol == symbol]
        gaps = np.array([b.start - a.end for a, b in pairwise(own)])
        assert np.all(gaps > 5000)


def test_the_id_stays_while_the_episode_grows():
    rows = [verdict(10), verdict(12), verdict(14)]
    assert len({episodes_of(verdicts(*rows[:count]))[0].id for count in (1, 2, 3)}) == 1


def test_what_was_called_unreliable_has_episodes_of_its_own_by_network_or_by_rule():
    stale = {"alert": False, "unreliable": True, "reason": "stale", "reconstruction_error": None, "p_value": None}
    rows = [
        verdict(1, alert=False, unreliable=True),
        verdict(2),
        verdict(3, **stale, feature_errors=None),
        verdict(4, **stale, feature_errors=None),
        verdict(5, alert=False),
    ]
    assert [episode.seconds for episode in episodes_of(verdicts(*rows))] == [1]
    network, rule = episodes_of(verdicts(*rows), flag="unreliable")
    assert (network.seconds, network.reason, network.largest_error) == (2, None, 3.0)
    assert (rule.seconds, rule.reason, rule.largest_error, rule.smallest_p_value) == (2, "stale", None, None)
    assert rule.main_feature is None
