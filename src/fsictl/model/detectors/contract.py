"""What every detector is: something that gives windows scores, the larger the less ordinary."""

from __future__ import annotations

from typing import Protocol

from fsictl.model.detectors.graph import Array
from fsictl.model.scoring import Scores

AUTOENCODER = "autoencoder"
MAHALANOBIS = "mahalanobis"
COMBINATION = "combination"

DETECTORS = (AUTOENCODER, MAHALANOBIS, COMBINATION)
"""The detectors that a version may hold. Each is stored as a scoring graph: see :mod:`fsictl.model.detectors.graph`."""


class Detector(Protocol):
    """Fitted on ordinary windows by a function ``fit_…`` or ``…_graph`` of its module."""

    def score(self, windows: Array) -> Scores:
        """Scores of raw feature windows [windows, length, features], and what share each feature has in them."""
        ...
