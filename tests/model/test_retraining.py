from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.model.versions_of_chance import random_card

from fsictl.model.calibration import calibrate
from fsictl.model.histogram import ScoreHistogram
from fsictl.model.retraining import HOUR_MS, RetrainingRules, retraining

CARD = random_card("v1")
START = CARD.snapshot.until // HOUR_MS * HOUR_MS
RNG = np.random.default_rng(1)
CARD = replace(CARD, calibration=calibrate(RNG.lognormal(size=5000), label_rate=0.1, alert_rate=0.01))
RULES = RetrainingRules(drift_hours=3, most_age=168.0, cooldown=24.0)


def hours(scales, first=1):
    return [
        {
            "symbol": symbol,
            "timestamp": START + (first + hour) * HOUR_MS,
            "scores": json.dumps(ScoreHistogram().plus(scale * RNG.lognormal(size=2000)).as_json()),
        }
        for hour, scale in enumerate(scales)
        for symbol in ("A", "B")
    ]


def ask(rows, *, newest_hours, runs=()):
    return retraining(CARD, rows, runs, newest=START + round(newest_hours * HOUR_MS), rules=RULES)


def test_scores_like_those_of_the_training_ask_for_nothing():
    found = ask(hours([1.0] * 5), newest_hours=5.5)
    assert (found.due_since, found.drifted_hours) == (None, 0)
    assert found.drift < 0.05
    assert found.age_hours == pytest.approx(5.5, abs=1)


def test_drift_must_persist():
    assert ask(hours([1, 3, 3, 1, 3, 3]), newest_hours=6).due_since is None
    found = ask(hours([1, 1, 3, 3, 3]), newest_hours=5.5, runs=[{"until": START - 30 * HOUR_MS}])
    assert found.drifted_hours == 3
    assert found.due_since == START + 5 * HOUR_MS
    assert "drifted for 3 hours" in found.reason
    assert not found.overdue


def test_a_run_is_not_asked_for_again_within_the_cooldown():
    rows = hours([3.0] * 40)
    assert ask(rows, newest_hours=10, runs=[{"until": START}]).due_since is None
    found = ask(rows, newest_hours=40, runs=[{"until": START}])
    assert found.due_since == START + 24 * HOUR_MS


def test_a_due_run_that_does_not_happen_is_overdue():
    assert ask(hours([3.0] * 60), newest_hours=60).overdue
    assert not ask(hours([3.0] * 20), newest_hours=20).overdue


def test_old_data_is_to_be_replaced():
    assert ask([], newest_hours=160).due_since is None
    found = ask([], newest_hours=180)
    assert "hours old" in found.reason
    assert found.drift is None


def test_simulated_data_grows_old_from_its_first_use_on():
    newest = START + 1000 * HOUR_MS
    fresh = retraining(CARD, [], [], newest=newest, rules=RULES, since=newest - HOUR_MS)
    assert (fresh.age_hours, fresh.due_since) == (1.0, None)
    old = retraining(CARD, [], [], newest=newest, rules=RULES, since=newest - 169 * HOUR_MS)
    assert old.due_since == newest - HOUR_MS
