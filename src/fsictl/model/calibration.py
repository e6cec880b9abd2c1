"""From scores to statements: how unusual is a score among those of windows the model was not trained on?"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Floats

MOST_SCORES = 4096
"""Calibration scores kept; more are thinned to evenly spaced ranks, and no p-value is below 1 / 4097 then."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Sorted calibration scores, and the thresholds that a given share of them exceeds."""

    scores: npt.NDArray[np.float32] = field(repr=False)
    label_rate: float
    label_threshold: float
    alert_rate: float
    alert_threshold: float

    def p_values(self, scores: npt.NDArray[np.float32]) -> Floats:
        """(1 + number of calibration scores ≥ s) / (n + 1): the conformal p-value of each score.

        >>> made = calibrate(np.array([1, 2, 3, 4], dtype=np.float32), label_rate=0.25, alert_rate=0.2)
        >>> made.p_values(np.array([0, 4, 9], dtype=np.float32)).tolist()
        [1.0, 0.4, 0.2]
        """
        below = np.searchsorted(self.scores, np.asarray(scores, dtype=np.float32), side="left")
        reached = (len(self.scores) - below).astype(np.float64)
        return (1.0 + reached) / (len(self.scores) + 1.0)


def upper_quantile(ordered: npt.NDArray[np.float32], rate: float) -> float:
    """The smallest of the sorted scores that a new one exceeds with probability at most ``rate``; else the largest.

    The conformal rank ⌈(n + 1)(1 − rate)⌉: exact when windows are exchangeable, close when they follow each other.

    >>> upper_quantile(np.arange(1, 100, dtype=np.float32), 0.1)
    90.0
    """
    rank = math.ceil(round((len(ordered) + 1) * (1.0 - rate), 9))
    return float(ordered[min(max(rank, 1), len(ordered)) - 1])


def calibrate(scores: npt.NDArray[np.float32], *, label_rate: float, alert_rate: float) -> Calibration:
    """Thresholds at both rates from all scores, which are kept thinned to :data:`MOST_SCORES`, the largest included."""
    ordered = np.sort(np.asarray(scores, dtype=np.float32))
    kept = ordered
    if len(ordered) > MOST_SCORES:
        ranks = np.round((np.arange(MOST_SCORES) + 1) * (len(ordered) / MOST_SCORES)).astype(np.int64) - 1
        kept = ordered[ranks]
    return Calibration(
        scores=kept,
        label_rate=label_rate,
        label_threshold=upper_quantile(ordered, label_rate),
        alert_rate=alert_rate,
        alert_threshold=upper_quantile(ordered, alert_rate),
    )
