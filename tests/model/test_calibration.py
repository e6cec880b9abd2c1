from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.model.calibration import MOST_SCORES, calibrate, upper_quantile

floats = st.floats(0, 1e6, width=32)


@settings(deadline=None)
@given(st.lists(floats, min_size=1, max_size=60), st.lists(floats, min_size=1, max_size=10))
def test_p_values_count_the_scores_that_reach_as_high(scores, asked):
    made = calibrate(np.array(scores, np.float32), label_rate=0.1, alert_rate=0.01)
    expected = [(1 + sum(c >= s for c in scores)) / (len(scores) + 1) for s in asked]
    np.testing.assert_allclose(made.p_values(np.array(asked, np.float32)), expected, rtol=1e-12)


@settings(deadline=None)
@given(st.lists(floats, min_size=1, max_size=200, unique=True), st.sampled_from([0.01, 0.1, 0.25, 0.5]))
def test_at_most_the_rate_of_calibration_scores_is_above_its_threshold(scores, rate):
    threshold = upper_quantile(np.sort(np.array(scores, np.float32)), rate)
    above = sum(score > threshold for score in np.array(scores, np.float32))
    assert above <= rate * (len(scores) + 1)
    assert threshold in np.array(scores, np.float32)


@settings(deadline=None)
@given(st.lists(floats, min_size=20, max_size=99, unique=True))
def test_above_the_threshold_means_a_p_value_of_at_most_the_rate(scores):
    made = calibrate(np.array(scores, np.float32), label_rate=0.1, alert_rate=0.05)
    asked = np.array([*scores, 2e6], np.float32)
    np.testing.assert_array_equal(asked > made.label_threshold, made.p_values(asked) <= 0.1)


def test_many_scores_are_thinned_evenly_and_keep_the_largest():
    scores = np.random.default_rng(1).permutation(50_000).astype(np.float32)
    made = calibrate(scores, label_rate=0.1, alert_rate=0.01)
    assert len(made.scores) == MOST_SCORES
    assert made.scores[-1] == 49_999
    assert made.label_threshold == 45_000
    np.testing.assert_allclose(made.p_values(np.array([25_000], np.float32)), 0.5, atol=0.001)
