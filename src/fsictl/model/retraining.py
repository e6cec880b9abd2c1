"""When a version is to be replaced: because scores have drifted for hours, or because its data is old."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsictl.model.card import Card
from fsictl.model.columns import Floats
from fsictl.model.data import DRIFTED, index_of_shares
from fsictl.model.histogram import BINS, ScoreHistogram

HOUR_MS = 3_600_000

LEAST_SCORES = 500.0
"""Scores below which an hour's distribution is not judged."""


@dataclass(frozen=True, slots=True)
class RetrainingRules:
    """Hours of drift in a row, greatest age of the data (hours), and hours in which a training run is not repeated."""

    drift_hours: int = 6
    most_age: float = 168.0
    cooldown: float = 24.0


@dataclass(frozen=True, slots=True)
class Retraining:
    """Whether a training run is due (since then, ms of event time, and why), and whether it is overdue.

    ``drift`` is the stability index of the latest hour's scores against those that calibrated the version (above
    0.25 they differ), ``drifted_hours`` for how many hours in a row it has been that large.
    """

    age_hours: float
    drift: float | None
    drifted_hours: int
    due_since: int | None
    reason: str
    overdue: bool


def score_drift(card: Card, rows: Iterable[Mapping[str, Any]]) -> dict[int, float]:
    """The stability index of scores for each hour (ms of its end), from rows of ``calibrations`` of that version."""
    by_hour: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        if int(row["timestamp"]) % HOUR_MS == 0:
            by_hour.setdefault(int(row["timestamp"]), []).append(row)
    found = {}
    for hour, of_hour in sorted(by_hour.items()):
        expected, seen = np.zeros(BINS), np.zeros(BINS)
        for row in of_hour:
            trained = (card.by_symbol.get(str(row["symbol"])) or card.calibration).histogram
            now = ScoreHistogram.of_json(json.loads(row["scores"]))
            seen += now.weights
            expected += trained.weights * (now.total / max(trained.total, 1.0))
        if seen.sum() >= LEAST_SCORES:
            found[hour] = round(_index(expected, seen), 4)
    return found


def _index(expected: Floats, seen: Floats) -> float:
    """Over the ten parts into which the deciles of what was expected cut the scores."""
    share = np.cumsum(expected) / expected.sum()
    part = np.minimum((share * 10 - 1e-9).astype(np.int64), 9)
    shares = [np.bincount(part, weights=weights, minlength=10) / weights.sum() for weights in (expected, seen)]
    return index_of_shares(shares[0], shares[1])


def retraining(
    card: Card,
    calibrations: Iterable[Mapping[str, Any]],
    runs: Iterable[Mapping[str, Any]],
    *,
    newest: int,
    rules: RetrainingRules,
    since: int | None = None,
) -> Retraining:
    """Whether the version is to be replaced, as of the ``newest`` stored metrics row (ms).

    Its data grows old from its end on, or from ``since`` on: simulated prices are as good as new when they are
    first used.
    A run counts, whatever came of it, by the event time up to which it used data; within the cooldown after it no
    other is asked for. Due for longer than the cooldown without a run is overdue.
    """
    hours = score_drift(card, calibrations)
    drifted_since, count = None, 0
    for hour, index in hours.items():
        drifted_since, count = (drifted_since or hour, count + 1) if index > DRIFTED else (None, 0)
    began = card.snapshot.until if since is None else since
    age = max(newest - began, 0) / HOUR_MS
    causes: list[tuple[int, str]] = []
    if drifted_since is not None and count >= rules.drift_hours:
        due_from = drifted_since + (rules.drift_hours - 1) * HOUR_MS
        causes.append((due_from, f"scores have drifted for {count} hours"))
    if age > rules.most_age:
        due_from = began + round(rules.most_age * HOUR_MS)
        causes.append((due_from, f"its data is {age:.0f} hours old, and {rules.most_age:.0f} are allowed"))
    last_run = max((int(run["until"]) for run in runs), default=0)
    asked = [(max(at, last_run + round(rules.cooldown * HOUR_MS)), why) for at, why in causes]
    due = [(at, why) for at, why in asked if at <= newest]
    latest = hours[max(hours)] if hours else None
    if not due:
        return Retraining(age, latest, count, None, "", False)
    due_since = min(at for at, _ in due)
    overdue = newest - due_since > rules.cooldown * HOUR_MS
    return Retraining(age, latest, count, due_since, "; ".join(why for _, why in due), overdue)
