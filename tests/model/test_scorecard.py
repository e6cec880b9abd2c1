from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.market import START_S, metrics_table
from tests.model.versions_of_chance import RULES, random_scorer

from fsictl.model.columns import columns_of
from fsictl.model.features import FEATURES
from fsictl.model.ranking import average_precision, roc_auc
from fsictl.model.scorecard import Label, Labelled, LabelledMetrics, overall, scorecard, scorecard_table, verdict_rows
from fsictl.model.scoring import Scores

numbers = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12)


@settings(deadline=None)
@given(numbers, numbers)
def test_the_area_counts_pairs(ordinary, anomalous):
    pairs = [(a > o) + 0.5 * (a == o) for a in anomalous for o in ordinary]
    assert roc_auc(np.array(ordinary), np.array(anomalous)) == pytest.approx(np.mean(pairs))


@settings(deadline=None)
@given(numbers, numbers)
def test_average_precision_is_that_of_scikit_learn(ordinary, anomalous):
    metrics = pytest.importorskip("sklearn.metrics")
    expected = metrics.average_precision_score([0] * len(ordinary) + [1] * len(anomalous), [*ordinary, *anomalous])
    assert average_precision(np.array(ordinary), np.array(anomalous)) == pytest.approx(expected)


def label(first: int, last: int, kind: str) -> Label:
    return Label("EURUSD", 1000 * (START_S + first), 1000 * (START_S + last), kind)


CLEAN = columns_of(metrics_table(rows=2500))
METRICS = LabelledMetrics("made up", CLEAN, [(CLEAN, [label(900, 1100, "burst"), label(1500, 1600, "drift")])])


class Oracle:
    """Knows the answer: the windows it was given last."""

    def __init__(self, known):
        self.known = {window.tobytes() for window in known}

    def score(self, windows):
        found = np.array([window.tobytes() in self.known for window in windows], np.float32)
        return Scores(found, np.zeros((len(windows), windows.shape[2]), np.float32))


def test_windows_touch_their_anomalies_and_no_other_seconds():
    windows = Labelled(METRICS, RULES, FEATURES)
    assert windows.kinds == ["burst", "drift"]
    assert len(np.unique(windows.event)) == 2
    late = LabelledMetrics("late", CLEAN, METRICS.injected, since=1000 * (START_S + 1400))
    assert set(Labelled(late, RULES, FEATURES).kind.tolist()) == {1}


def test_a_detector_that_knows_finds_everything():
    windows = Labelled(METRICS, RULES, FEATURES)
    windows.ordinary = windows.ordinary[
        [not any(np.array_equal(o, a) for a in windows.anomalous) for o in windows.ordinary]
    ]
    rows = scorecard({"oracle": Oracle(windows.anomalous)}, windows)
    assert [row.kind for row in rows] == ["all", "burst", "drift"]
    for row in rows:
        assert (row.roc_auc, row.average_precision, row.recall_1, row.recall_10) == (1.0, 1.0, 1.0, 1.0)
    assert overall(rows, "oracle").events == 2
    table = scorecard_table(rows, version="v", prices="made up", at=7)
    assert table.num_rows == 3


def test_the_verdict_row_follows_from_the_thresholds_of_the_card():
    scorer = random_scorer()
    windows = Labelled(METRICS, RULES, FEATURES)
    rows = verdict_rows(scorer, windows)
    scores = scorer.graph.score(windows.anomalous).score
    unreliable = (scores > scorer.card.calibration.label_threshold) | windows.stale
    assert rows[0].recall_10 == len(np.unique(windows.event[unreliable])) / 2
    assert math.isnan(rows[0].roc_auc)


def test_prices_without_anomalies_give_no_windows():
    assert len(Labelled(LabelledMetrics("none", CLEAN, [(CLEAN, [])]), RULES, FEATURES)) == 0
