from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.model.market import metrics_table
from tests.model.versions_of_chance import RULES, random_graph

from fsictl.model import gate
from fsictl.model.columns import columns_of
from fsictl.model.features import FEATURES, features_of
from fsictl.model.gate import (
    check_calibration,
    check_drift,
    check_latency,
    check_no_look_ahead,
    check_scorecard,
    check_scores,
    judge,
)
from fsictl.model.scorecard import ScorecardRow
from fsictl.model.scoring import GraphScorer
from fsictl.model.split import split_windows

SCORES = np.linspace(0, 1, 3001, dtype=np.float32)
COLUMNS = columns_of(metrics_table(rows=1500))
SPLIT = split_windows(COLUMNS, RULES)


@pytest.mark.parametrize(("rate", "passed"), [(0.1, True), (0.14, True), (0.06, True), (0.35, False), (0.9, False)])
def test_the_promised_rate_must_come_true(rate, passed):
    assert check_calibration(SCORES, 1 - rate, target=0.1, length=30).passed is passed


def test_few_windows_prove_little():
    assert check_calibration(SCORES[::60], 0.7, target=0.1, length=30).passed
    assert not check_calibration(SCORES[::60], 0.1, target=0.1, length=30).passed


def test_no_unreliable_window_among_many_breaks_the_promise():
    assert not check_calibration(np.zeros(20_000, np.float32), 1.0, target=0.1, length=30).passed


def row(auc: float) -> ScorecardRow:
    return ScorecardRow("mahalanobis", "all", 1000, 100, 10, auc, 0.5, 0.5, 0.9)


@pytest.mark.parametrize(
    ("own", "champion", "passed"),
    [(0.95, None, True), (0.94, 0.95, True), (0.90, 0.95, False), (0.97, 0.95, True), (math.nan, 0.95, None)],
)
def test_a_version_must_find_no_less_than_the_champion(own, champion, passed):
    assert check_scorecard(row(own), None if champion is None else row(champion)).passed is passed


def test_without_prices_nothing_is_compared():
    assert check_scorecard(None, None).passed is None
    assert judge([check_scorecard(None, None), check_scores(SCORES)]).passed


def test_scores_that_are_not_finite_are_refused():
    result = judge([check_scores(np.append(SCORES, np.nan).astype(np.float32))], "v1")
    assert (result.passed, result.champion) == (False, "v1")
    assert "1 of 3002" in result.reason


def test_a_slow_version_is_refused(monkeypatch):
    windows = np.zeros((10, 30, 6), np.float32)
    scorer = GraphScorer(random_graph())
    monkeypatch.setattr(gate, "BUDGET_MS", 0.0)
    assert not check_latency(scorer, windows).passed
    monkeypatch.setattr(gate, "BUDGET_MS", math.inf)
    assert check_latency(scorer, windows).passed


def test_features_that_look_ahead_are_refused(monkeypatch):
    scorer = GraphScorer(random_graph())

    def check():
        return check_no_look_ahead(scorer, COLUMNS, np.sort(SPLIT.check), rules=RULES, names=FEATURES)

    assert check().passed

    def cheating(columns, **given):
        return features_of(replace(columns, close=np.append(columns.close[1:], columns.close[-1])), **given)

    monkeypatch.setattr(gate, "features_of", cheating)
    assert not check().passed


def test_drift_is_said_and_refuses_nothing():
    assert check_drift({}).passed is None
    calm, moved = check_drift({"volatility": 0.1}), check_drift({"volatility": 0.1, "tick_rate": 0.9, "deviation": 0.3})
    assert (calm.passed, moved.passed) == (True, None)
    assert moved.said.endswith("tick_rate 0.90, deviation 0.30")
    assert judge([moved]).passed
