from __future__ import annotations

import json

import numpy as np
import pytest
from tests.model.versions_of_chance import random_card

from fsictl.errors import InputError
from fsictl.model.rolling import HOUR_MS, RollingCalibration

CARD = random_card("v1")


def drawn(hours: int, seed: int = 1, scale: float = 1.0, each: int = 500):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.choice(hours * 3600, hours * each, replace=False)).astype(np.int64) * 1000
    return time, (scale * rng.lognormal(size=len(time))).astype(np.float32)


def judge(rolling, time, scores, symbol="A", counts=None):
    counts = np.ones(len(time), bool) if counts is None else counts
    return rolling.judge(CARD, symbol, time, scores, counts=counts)


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_rates_come_true_after_a_day_whatever_the_scores_were_in_training(scale):
    time, scores = drawn(96, scale=scale)
    made = judge(RollingCalibration(), time, scores)
    late = time >= 48 * HOUR_MS
    assert made.unreliable[late].mean() == pytest.approx(CARD.calibration.label_rate, rel=0.1)
    assert made.alert[late].mean() == pytest.approx(CARD.calibration.alert_rate, rel=0.1)


def test_the_batch_does_not_matter_and_a_restart_neither():
    time, scores = drawn(5)
    whole = judge(RollingCalibration(), time, scores)
    parts, rolling = [], RollingCalibration()
    for start in range(0, len(time), 37):
        state = rolling.state()
        rolling = RollingCalibration()
        rolling.restore(state)
        parts.append(judge(rolling, time[start : start + 37], scores[start : start + 37]))
    for name in ("threshold", "p_value", "unreliable", "alert"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))


def test_later_scores_change_nothing_about_earlier_rows():
    time, scores = drawn(6)
    short = judge(RollingCalibration(), time[:1500], scores[:1500])
    long = judge(RollingCalibration(), time, np.concatenate([scores[:1500], 100 * scores[1500:]]))
    np.testing.assert_array_equal(short.threshold, long.threshold[:1500])


def test_every_hour_leaves_a_row_from_which_another_run_goes_on():
    time, scores = drawn(6)
    rolling = RollingCalibration()
    whole = judge(rolling, time, scores)
    rows = rolling.taken().to_pylist()
    assert rolling.taken().num_rows == 0
    assert [row["timestamp"] for row in rows] == [int(time[0]), *(hour * HOUR_MS for hour in range(1, 6))]
    assert sum(row["windows"] for row in rows) == np.sum(time < 5 * HOUR_MS)
    assert sum(row["unreliable"] for row in rows) == whole.unreliable[time < 5 * HOUR_MS].sum()
    again = RollingCalibration()
    again.go_on_from([rows[3]])
    late = time >= rows[3]["timestamp"]
    np.testing.assert_array_equal(judge(again, time[late], scores[late]).p_value, whole.p_value[late])


def test_what_does_not_count_changes_no_threshold():
    time, scores = drawn(3)
    stale = np.arange(len(time)) % 3 == 0
    first = judge(RollingCalibration(), time, np.where(stale, 1e6, scores).astype(np.float32), counts=~stale)
    second = judge(RollingCalibration(), time[~stale], scores[~stale])
    np.testing.assert_array_equal(first.threshold[~stale], second.threshold)


def test_symbols_have_thresholds_of_their_own():
    rolling = RollingCalibration()
    for symbol, scale in (("CALM", 0.1), ("WILD", 10.0)):
        time, scores = drawn(72, scale=scale)
        assert judge(rolling, time, scores, symbol).unreliable[-5000:].mean() == pytest.approx(0.3, rel=0.15)


def test_versions_that_score_no_more_are_forgotten():
    rolling = RollingCalibration()
    judge(rolling, *drawn(1))
    rolling.keep_only(lambda version, symbol: version == "v2")
    assert json.loads(rolling.state()) == []


@pytest.mark.parametrize("scores", ["", "{}", '{"first": 0, "weights": [-1]}', '{"first": 0, "weights": ["x"]}'])
def test_a_damaged_row_is_bad_input(scores):
    rolling = RollingCalibration()
    judge(rolling, *drawn(1))
    (row,) = rolling.taken().to_pylist()
    with pytest.raises(InputError, match="stored calibration of A"):
        RollingCalibration().go_on_from([row | {"scores": scores}])
