"""The gate: may a new version score?

It must give finite scores, keep the rates that it promises, find no fewer anomalies than the champion, score fast
enough, and say the same about a row whatever comes after it. What cannot be judged with the data there is does not
stop it: the card says so.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fsictl.model.columns import Columns, Integers
from fsictl.model.data import DRIFTED
from fsictl.model.detectors.contract import Detector
from fsictl.model.detectors.graph import Array
from fsictl.model.features import features_of, history_rows
from fsictl.model.scorecard import ScorecardRow
from fsictl.model.windows import WindowRules, gather

BAND = 0.5
"""The label rate may be off by this share of what is meant."""

LIKELY = 2.0
"""And by so many standard errors, for windows that lie too close together to tell."""

NO_WORSE = 0.03
"""ROC-AUC by which a version may lie behind the champion: as much as two seeds differ."""

BUDGET_MS = 1000.0
"""Milliseconds in which 1,000 windows must be scored: 1,000 symbols, each with a window every second."""

LOOKED_AT = 8
"""Windows that are scored again without the rows after them."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the gate: ``passed`` is ``None`` when it could not be answered."""

    name: str
    passed: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """The gate's answer: passed when no check said no; ``reason`` holds what those said that did."""

    passed: bool
    reason: str
    champion: str | None
    checks: tuple[Check, ...]

    def as_dict(self) -> dict[str, Any]:
        """For the card."""
        return asdict(self)


def judge(checks: Iterable[Check], champion: str | None = None) -> GateResult:
    """All checks together.

    >>> judge([Check("scores", True, "all finite"), Check("latency", False, "too slow")]).reason
    'too slow'
    """
    asked = tuple(checks)
    refused = [check.said for check in asked if check.passed is False]
    return GateResult(not refused, "; ".join(refused), champion, asked)


def check_scores(scores: Array) -> Check:
    """Every held-out window has a finite score."""
    broken = int((~np.isfinite(scores)).sum())
    said = f"{broken} of {len(scores)} held-out windows have no finite score" if broken else "all scores are finite"
    return Check("scores", not broken, said)


def check_calibration(scores: Array, threshold: float, *, target: float, length: int) -> Check:
    """As many held-out windows are unreliable as were promised before they were seen.

    Windows that overlap are not independent: ``length`` of them count as one.
    """
    rate = float(np.mean(scores > threshold)) if len(scores) else 0.0
    error = math.sqrt(target * (1 - target) / max(len(scores) / length, 1.0))
    said = f"it calls {rate:.1%} of {len(scores):,} held-out windows unreliable where {target:.1%} were meant"
    return Check("calibration", abs(rate - target) <= BAND * target + LIKELY * error, said)


def check_scorecard(own: ScorecardRow | None, champions: ScorecardRow | None) -> Check:
    """It ranks windows with anomalies no worse than the champion does, on the same prices."""
    name = "scorecard"
    if own is None or math.isnan(own.roc_auc):
        return Check(name, None, "there are no stored prices to put anomalies into, or too few windows in them")
    said = f"ROC-AUC {own.roc_auc:.3f} on {own.events} anomalies put into prices"
    if champions is None:
        return Check(name, True, f"{said}; no champion to compare with")
    worse = own.roc_auc < champions.roc_auc - NO_WORSE
    return Check(name, not worse, f"{said}, the champion {champions.roc_auc:.3f}")


def check_drift(found: Mapping[str, float]) -> Check:
    """Whether the data is like what the champion was trained on; said, and no reason to refuse.

    Data that has drifted is why one trains anew. Whoever did not expect it learns here that something is different.
    """
    name = "drift"
    if not found:
        return Check(name, None, "no champion whose training data it could be compared with")
    moved = {feature: index for feature, index in found.items() if index > DRIFTED}
    listed = ", ".join(f"{feature} {index:.2f}" for feature, index in sorted(moved.items(), key=lambda one: -one[1]))
    if not moved:
        return Check(name, True, f"no feature has drifted: at most {max(found.values()):.2f} of {DRIFTED} allowed")
    return Check(name, None, f"the data differs from what the champion was trained on (stability index): {listed}")


def check_windows(own: WindowRules, streams: WindowRules, *, has_champion: bool) -> Check:
    """It was made for the windows that the streams cut; the first version is taken all the same."""
    name = "windows"
    if own == streams:
        return Check(name, True, f"windows of {own.length} rows, as the streams cut them")
    said = (
        f"it scores windows of {own.length} rows, and the streams cut windows of {streams.length}:"
        f" set model.window to {own.length} to use it"
    )
    return Check(name, False if has_champion else None, said)


def check_latency(detector: Detector, windows: Array) -> Check:
    """1,000 windows are scored within the budget, in the best of three runs."""
    windows = np.resize(windows, (1000, *windows.shape[1:]))
    best = math.inf
    for _ in range(3):
        began = time.perf_counter()
        detector.score(windows)
        best = min(best, 1000.0 * (time.perf_counter() - began))
    return Check("latency", best <= BUDGET_MS, f"1,000 windows in {best:.0f} ms; {BUDGET_MS:.0f} ms are allowed")


def check_no_look_ahead(
    detector: Detector, columns: Columns, ends: Integers, *, rules: WindowRules, names: tuple[str, ...]
) -> Check:
    """Windows score the same to the last bit with and without the rows after them."""
    chosen = ends[np.linspace(0, len(ends) - 1, min(LOOKED_AT, len(ends))).astype(np.int64)]
    reach = rules.length + history_rows(rules.metrics_window) - 1
    changed = 0
    for end in chosen.tolist():
        first = max(end - reach, 0)
        scores = []
        for last in (end + 1, min(end + 1 + reach, len(columns))):
            rows = columns.take(np.arange(first, last))
            values = features_of(rows, metrics_window=rules.metrics_window, names=names)
            window = gather(values, np.array([end - first]), rules.length)
            scores.append(detector.score(window).score[0])
        changed += bool(scores[0] != scores[1])
    said = f"{changed} of {len(chosen)} windows score differently with the rows after them"
    return Check("no look-ahead", not changed, said)
