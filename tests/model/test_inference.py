from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.memory import MemoryWarehouse
from tests.model.market import START_S, metrics_table
from tests.model.versions_of_chance import RULES, random_scorer

from fsictl.errors import InputError
from fsictl.model.aliases import BySymbol
from fsictl.model.batch import infer_batch
from fsictl.model.features import history_rows
from fsictl.model.inference import InferenceOperator
from fsictl.records.arrow import arrow_schema
from fsictl.records.schemas import RECONERR

SCORER = random_scorer()
ONE = metrics_table("EURUSD", rows=1200)
TWO = pa.concat_tables([ONE, metrics_table("USDJPY", rows=1200, seed=5, price=110.0)])
NEEDED = RULES.length + history_rows(RULES.metrics_window)


def by_time(table: pa.Table) -> pa.Table:
    return table.sort_by([("timestamp", "ascending"), ("symbol", "ascending")])


def judged(table: pa.Table, scorer=SCORER) -> pa.Table:
    return InferenceOperator(RULES).process(table, scorer)


def test_verdicts_have_the_schema_and_one_row_per_extreme_row_with_a_whole_window():
    out = judged(TWO)
    assert out.schema == arrow_schema(RECONERR)
    rsi = ONE["RELATIVE_STRENGTH_INDICATOR"].to_numpy()[RULES.length - 1 :]
    expected = np.sum((rsi > 70) | (rsi < 30))
    assert 0 < pc.sum(pc.equal(out["symbol"], "EURUSD")).as_py() == expected
    assert set(out["side"].to_pylist()) == {"overbought", "oversold"}
    assert out.group_by(list(RECONERR.key)).aggregate([]).num_rows == out.num_rows


def test_verdicts_follow_from_score_and_calibration():
    out = judged(ONE)
    scored = out.filter(pc.is_valid(out["reconstruction_error"]))
    calibration = SCORER.card.calibration
    error = scored["reconstruction_error"].to_numpy()
    assert len(error) > 100
    np.testing.assert_array_equal(scored["unreliable"].to_numpy(), error > calibration.label_threshold)
    np.testing.assert_array_equal(scored["alert"].to_numpy(), error > calibration.alert_threshold)
    np.testing.assert_array_equal(scored["p_value"].to_numpy(), calibration.p_values(error.astype(np.float32)))
    assert set(scored["threshold"].to_pylist()) == {calibration.label_threshold}
    assert set(scored["reason"].to_pylist()) == {None}
    assert 0 < np.sum(error > calibration.label_threshold) < len(error)
    for text in scored["feature_errors"].to_pylist():
        assert sum(json.loads(text).values()) == pytest.approx(1.0, abs=1e-5)


def test_the_first_windows_are_warming_up():
    out = judged(ONE)
    early = out.filter(pc.less(out["timestamp"], 1000 * (START_S + NEEDED - 1)))
    assert early.num_rows > 0
    assert set(early["reason"].to_pylist()) == {"warm-up"}
    assert early["unreliable"].null_count == early["alert"].null_count == early.num_rows
    assert early["reconstruction_error"].null_count == early.num_rows
    assert "warm-up" not in set(out.slice(early.num_rows)["reason"].to_pylist())


def test_a_hole_starts_windows_and_history_anew():
    cut = pa.concat_tables([ONE.slice(0, 600), ONE.slice(601)])
    whole, holed = judged(ONE), judged(cut)
    hole = 1000 * (START_S + 600)
    times = holed["timestamp"].to_numpy()
    assert not np.any((times > hole) & (times < hole + 1000 * RULES.length))
    after = holed.filter((times > hole) & (times < hole + 1000 * NEEDED))
    assert after.num_rows > 0
    assert set(after["reason"].to_pylist()) == {"warm-up"}
    later = hole + 1000 * (NEEDED + 1)
    assert holed.filter(times > later) == whole.filter(whole["timestamp"].to_numpy() > later)


def test_without_a_version_rows_say_so():
    out = judged(ONE, None)
    assert out.num_rows == judged(ONE).num_rows
    assert set(out["reason"].to_pylist()) == {"no model"}
    assert set(out["model_version"].to_pylist()) == {""}
    for name in ("unreliable", "alert", "reconstruction_error", "threshold", "p_value", "feature_errors"):
        assert out[name].null_count == out.num_rows


def test_a_version_for_other_metrics_is_not_asked():
    other = replace(SCORER, card=replace(SCORER.card, rsi_window=300))
    out = judged(ONE, other)
    assert set(out["reason"].to_pylist()) == {"other metrics"}
    assert out["unreliable"].null_count == out.num_rows


def test_a_silent_symbol_is_stale_by_rule_with_and_without_a_version():
    quiet = metrics_table("EURUSD", rows=1200, silent=[(700, 760)])
    for scorer in (SCORER, None):
        out = judged(quiet, scorer)
        silent = out.filter(
            pc.and_(
                pc.greater(out["timestamp"], 1000 * (START_S + 721)), pc.less(out["timestamp"], 1000 * (START_S + 760))
            )
        )
        assert silent.num_rows > 0
        assert set(silent["reason"].to_pylist()) == {"stale"}
        assert set(silent["unreliable"].to_pylist()) == {True}
        assert set(silent["alert"].to_pylist()) == {False}
        assert (silent["reconstruction_error"].null_count == 0) == (scorer is not None)
        fraction = silent["gap_filled_fraction"].to_numpy()
        assert np.all((fraction > 0.5) & (fraction <= 1.0))
        before = out.filter(pc.less(out["timestamp"], 1000 * (START_S + 700)))
        assert "stale" not in set(before["reason"].to_pylist())


def test_metrics_that_are_not_numbers_give_no_score():
    broken = ONE.set_column(
        ONE.schema.get_field_index("SIMPLE_MOVING_AVERAGE"),
        ONE.schema.field("SIMPLE_MOVING_AVERAGE"),
        pa.array(np.full(ONE.num_rows, np.nan), from_pandas=False),
    )
    out = judged(broken)
    assert set(out["reason"].to_pylist()) == {"warm-up", "no score"}
    assert out["unreliable"].null_count == out.num_rows


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, TWO.num_rows), max_size=12), restarts=st.booleans(), again=st.booleans())
def test_batching_restarts_and_redelivery_change_nothing(cuts, restarts, again):
    rows = by_time(TWO)
    operator, parts = InferenceOperator(RULES), []
    edges = [0, *sorted(cuts), rows.num_rows]
    for start, stop in pairwise(edges):
        if restarts:
            state = operator.snapshot()
            operator = InferenceOperator(RULES)
            operator.restore(state)
        batch = rows.slice(start, stop - start)
        parts.append(operator.process(batch, SCORER))
        if again:
            assert operator.process(batch, SCORER).num_rows == 0
    assert by_time(pa.concat_tables(parts)).equals(by_time(judged(TWO)))


def test_one_row_at_a_time_gives_the_same_bits():
    rows = by_time(TWO.filter(pc.less(TWO["timestamp"], 1000 * (START_S + 500))))
    operator = InferenceOperator(RULES)
    live = pa.concat_tables([operator.process(rows.slice(i, 2), SCORER) for i in range(0, rows.num_rows, 2)])
    assert by_time(live).equals(by_time(judged(rows)))


def test_a_shadow_version_is_scored_beside_and_never_alerts():
    shadow = random_scorer("20200913T133320-shadow", seed=9)
    out = InferenceOperator(RULES).process(ONE, SCORER, shadow)
    own, beside = (out.filter(pc.equal(out["model_version"], s.version)) for s in (SCORER, shadow))
    assert own.equals(judged(ONE))
    assert own.num_rows == beside.num_rows
    assert beside["reconstruction_error"].null_count < beside.num_rows
    assert True in own["alert"].to_pylist()
    assert True in beside["unreliable"].to_pylist()
    assert True not in beside["alert"].to_pylist()
    assert InferenceOperator(RULES).process(ONE, SCORER, SCORER).equals(own)


@pytest.mark.parametrize("state", [b"", b"nothing of ours", InferenceOperator(RULES).snapshot()[:-40] + b"x" * 10])
def test_garbage_is_no_snapshot(state):
    with pytest.raises(InputError, match="saved state"):
        InferenceOperator(RULES).restore(state)


def test_a_batch_gives_what_the_live_stream_gave():
    warehouse = MemoryWarehouse(metrics=TWO)
    start, end = 1000 * (START_S + 700), 1000 * (START_S + 1100)
    out = pa.concat_tables(infer_batch(warehouse, SCORER, start=start, end=end, rules=RULES))
    live = judged(TWO)
    expected = live.filter(pc.and_(pc.greater_equal(live["timestamp"], start), pc.less(live["timestamp"], end)))
    assert out.num_rows > 0
    assert by_time(out).equals(by_time(expected))


def test_a_batch_alerts_only_for_champions():
    warehouse = MemoryWarehouse(metrics=ONE)
    start, end = 1000 * START_S, 1000 * (START_S + 10_000)
    (symbol,) = set(ONE["symbol"].to_pylist())

    def alerts(alerting):
        parts = infer_batch(warehouse, SCORER, start=start, end=end, rules=RULES, alerting=alerting)
        return pa.concat_tables(parts)["alert"].to_pylist()

    every = alerts(None)
    assert True in every
    assert alerts(BySymbol(SCORER.version)) == every
    assert alerts(BySymbol("another", {symbol: SCORER.version})) == every
    silent = alerts(BySymbol("another"))
    assert silent == [None if one is None else False for one in every]


def test_a_snapshot_is_small():
    operator = InferenceOperator(RULES)
    operator.process(TWO, SCORER)
    assert len(operator.snapshot()) < 2 * 10_000


def test_other_rules_warm_up_anew_and_still_know_what_was_seen():
    operator = InferenceOperator(RULES)
    operator.process(ONE.slice(0, 1000), SCORER)
    longer = InferenceOperator(replace(RULES, length=40))
    longer.restore(operator.snapshot())
    assert longer.process(ONE.slice(0, 1000), SCORER).num_rows == 0
    out = longer.process(ONE.slice(1000), SCORER)
    assert out.num_rows > 0
    assert out["timestamp"].to_numpy().min() >= 1000 * (START_S + 999 + 39)
