"""How scores are distributed, in little room: weights in bins of equal width over the logarithm of the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Floats

BINS_PER_OCTAVE = 16
"""Each bin ends at a score 4.4 % above that of its start; within it scores count as evenly spread."""

LEAST_EXPONENT = -20
"""Scores below 2⁻²⁰ count as that."""

MOST_EXPONENT = 40

BINS = (MOST_EXPONENT - LEAST_EXPONENT) * BINS_PER_OCTAVE

DECIMALS = 3
"""Weights are kept to a thousandth of a window, so that what is written as text is read back the same."""


@dataclass(frozen=True, slots=True)
class ScoreHistogram:
    """A weight for each bin; a window just scored weighs one, and less as it grows old."""

    weights: Floats = field(default_factory=lambda: np.zeros(BINS), repr=False)

    @property
    def total(self) -> float:
        """How many windows it is worth."""
        return float(self.weights.sum())

    def plus(self, scores: npt.NDArray[np.floating[Any]]) -> ScoreHistogram:
        """With these scores, each weighing one.

        >>> ScoreHistogram().plus(np.array([0.5, 2.0, 2.0])).total
        3.0
        """
        places = np.clip(np.floor(_place(scores)), 0, BINS - 1).astype(np.int64)
        return ScoreHistogram(self.weights + np.bincount(places, minlength=BINS))

    def faded(self, share: float) -> ScoreHistogram:
        """With every weight times ``share``."""
        return ScoreHistogram((self.weights * share).round(DECIMALS))

    def joined(self, other: ScoreHistogram) -> ScoreHistogram:
        """Both together."""
        return ScoreHistogram((self.weights + other.weights).round(DECIMALS))

    def above(self, scores: npt.NDArray[np.floating[Any]]) -> Floats:
        """The weight of windows with larger scores, for each of these.

        >>> ScoreHistogram().plus(np.array([1.0, 8.0, 8.0])).above(np.array([0.1, 2.0, 100.0])).tolist()
        [3.0, 2.0, 0.0]
        """
        return np.interp(_place(scores), np.arange(BINS + 1), self._beyond())

    def threshold(self, weight: float) -> float:
        """The smallest score above which there is at most that weight.

        >>> 8 < ScoreHistogram().plus(np.array([1.0, 8.0, 8.0])).threshold(1.0) < 8.4
        True
        """
        beyond = self._beyond()
        edge = int(np.argmax(beyond <= weight))  # the last edge has nothing beyond it
        place = float(edge)
        if edge:
            place -= (weight - beyond[edge]) / (beyond[edge - 1] - beyond[edge])
        return float(2.0 ** (place / BINS_PER_OCTAVE + LEAST_EXPONENT))

    def _beyond(self) -> Floats:
        """The weight above the lower edge of each bin, and above the last edge."""
        return np.concatenate([np.cumsum(self.weights[::-1])[::-1], [0.0]])

    def as_json(self) -> dict[str, Any]:
        """The first bin that is not empty, and the weights from there to the last one that isn't."""
        filled = np.flatnonzero(self.weights)
        if not len(filled):
            return {"first": 0, "weights": []}
        weights = self.weights[filled[0] : filled[-1] + 1].tolist()
        return {"first": int(filled[0]), "weights": [int(w) if w == int(w) else w for w in weights]}

    @classmethod
    def of_json(cls, body: Mapping[str, Any]) -> ScoreHistogram:
        """The histogram from what :meth:`as_json` gave; ``ValueError`` for anything else.

        >>> made = ScoreHistogram().plus(np.array([1.0, 8.0, 8.0]))
        >>> bool(np.all(ScoreHistogram.of_json(made.as_json()).weights == made.weights))
        True
        """
        first, found = int(body["first"]), np.array(body["weights"], dtype=np.float64)
        if found.ndim != 1 or first < 0 or first + len(found) > BINS or not np.all(np.isfinite(found) & (found >= 0)):
            message = "a histogram of scores is damaged"
            raise ValueError(message)
        weights = np.zeros(BINS)
        weights[first : first + len(found)] = found
        return cls(weights)


def _place(scores: npt.NDArray[np.floating[Any]]) -> Floats:
    """Where scores lie, in bins from the lowest."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log2(np.asarray(scores, dtype=np.float64))
    return (np.maximum(logs, LEAST_EXPONENT) - LEAST_EXPONENT) * BINS_PER_OCTAVE
