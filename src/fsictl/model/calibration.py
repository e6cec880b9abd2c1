"""From scores to statements: how unusual is a score among those of ordinary windows?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Floats
from fsictl.model.histogram import ScoreHistogram

LEAST_OWN = 1000
"""A symbol with fewer windows starts with the scores of all symbols, as if so many of them were its own."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The scores of ordinary windows, and the thresholds that a given share of new ones exceeds.

    A threshold is infinite while there are too few scores to tell so small a share.
    """

    histogram: ScoreHistogram = field(repr=False)
    label_rate: float
    alert_rate: float
    label_threshold: float
    alert_threshold: float

    def p_values(self, scores: npt.NDArray[np.floating[Any]]) -> Floats:
        """(1 + weight of calibration scores above s) / (weight of all + 1): the conformal p-value of each score.

        >>> made = calibrate(np.array([1, 2, 4, 8], dtype=np.float32), label_rate=0.25, alert_rate=0.2)
        >>> made.p_values(np.array([0.1, 3, 9], dtype=np.float32)).tolist()
        [1.0, 0.6, 0.2]
        """
        return (1.0 + self.histogram.above(scores)) / (self.histogram.total + 1.0)


def calibrate(
    scores: npt.NDArray[np.floating[Any]] | ScoreHistogram, *, label_rate: float, alert_rate: float
) -> Calibration:
    """Thresholds at both rates: above them lie p-values of less than the rate."""
    histogram = scores if isinstance(scores, ScoreHistogram) else ScoreHistogram().plus(scores)
    label, alert = (_threshold(histogram, rate) for rate in (label_rate, alert_rate))
    return Calibration(histogram, label_rate, alert_rate, label, alert)


def _threshold(histogram: ScoreHistogram, rate: float) -> float:
    weight = rate * (histogram.total + 1.0) - 1.0
    return histogram.threshold(weight) if weight >= 0 else float("inf")


def by_symbol(
    scores: npt.NDArray[np.floating[Any]], symbols: npt.NDArray[Any], pooled: Calibration
) -> dict[str, Calibration]:
    """The calibration of each symbol that has :data:`LEAST_OWN` scores, from its own scores alone."""
    rates = {"label_rate": pooled.label_rate, "alert_rate": pooled.alert_rate}
    found = {str(symbol): scores[symbols == symbol] for symbol in np.unique(symbols)}
    return {symbol: calibrate(own, **rates) for symbol, own in found.items() if len(own) >= LEAST_OWN}


def shared(pooled: Calibration) -> Calibration:
    """What a symbol without a calibration of its own starts with: the scores of all, weighing :data:`LEAST_OWN`."""
    total = pooled.histogram.total
    if total <= LEAST_OWN:
        return pooled
    histogram = pooled.histogram.faded(LEAST_OWN / total)
    return calibrate(histogram, label_rate=pooled.label_rate, alert_rate=pooled.alert_rate)
