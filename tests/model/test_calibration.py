from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.model.calibration import LEAST_OWN, by_symbol, calibrate, shared
from fsictl.model.histogram import BINS_PER_OCTAVE, ScoreHistogram

scores = st.floats(2**-10, 2**20, width=32)
BIN = 2 ** (1 / BINS_PER_OCTAVE)


def array(values):
    return np.array(values, np.float32)


@settings(deadline=None)
@given(st.lists(scores, min_size=1, max_size=60), st.lists(scores, min_size=1, max_size=10))
def test_p_values_count_the_scores_above_to_within_a_bin(known, asked):
    p_values = calibrate(array(known), label_rate=0.1, alert_rate=0.01).p_values(array(asked))
    for p, s in zip(p_values, array(asked), strict=True):
        above, reached = (sum(array(known) > bound) for bound in (s * BIN, s / BIN))
        assert (1 + above) / (len(known) + 1) - 1e-9 <= p <= (1 + reached) / (len(known) + 1) + 1e-9


@settings(deadline=None)
@given(st.lists(scores, min_size=1, max_size=200, unique=True), st.sampled_from([0.01, 0.1, 0.25, 0.5]))
def test_above_the_threshold_means_a_p_value_below_the_rate(known, rate):
    made = calibrate(array(known), label_rate=rate, alert_rate=rate)
    if np.isinf(made.label_threshold):
        assert len(known) + 1 < 1 / rate
        return
    above, below = made.label_threshold * 1.001, made.label_threshold * 0.999
    assert made.p_values(np.array([above]))[0] <= rate + 1e-9
    assert made.p_values(np.array([below]))[0] >= rate - 1e-9


def test_too_few_scores_to_tell_a_rate_give_no_threshold():
    made = calibrate(array(range(1, 51)), label_rate=0.1, alert_rate=0.01)
    assert np.isfinite(made.label_threshold)
    assert np.isinf(made.alert_threshold)
    assert made.p_values(array([1e9]))[0] == pytest.approx(1 / 51)


def test_thresholds_meet_their_rates_on_new_scores_of_the_same_kind():
    rng = np.random.default_rng(1)
    made = calibrate(rng.lognormal(size=50_000), label_rate=0.1, alert_rate=0.01)
    fresh = rng.lognormal(size=200_000)
    assert np.mean(fresh > made.label_threshold) == pytest.approx(0.1, rel=0.06)
    assert np.mean(fresh > made.alert_threshold) == pytest.approx(0.01, rel=0.2)


@settings(deadline=None)
@given(st.lists(scores, max_size=50))
def test_a_histogram_is_read_back_as_it_was_written(known):
    made = ScoreHistogram().plus(array(known)).faded(0.123)
    again = ScoreHistogram.of_json(made.as_json())
    np.testing.assert_array_equal(again.weights, made.weights)


def test_symbols_with_enough_scores_have_their_own_calibration_and_others_share():
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.lognormal(size=3000), 10 * rng.lognormal(size=3000), [1.0]])
    names = np.array(["CALM"] * 3000 + ["WILD"] * 3000 + ["NEW"])
    pooled = calibrate(values, label_rate=0.1, alert_rate=0.01)
    own = by_symbol(values, names, pooled)
    assert set(own) == {"CALM", "WILD"}
    assert own["CALM"].label_threshold < pooled.label_threshold < own["WILD"].label_threshold
    borrowed = shared(pooled)
    assert borrowed.histogram.total == pytest.approx(LEAST_OWN, rel=0.01)
    assert borrowed.label_threshold == pytest.approx(pooled.label_threshold, rel=0.05)
