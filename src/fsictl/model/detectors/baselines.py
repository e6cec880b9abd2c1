"""Simple detectors that a version must be compared with; they are fitted for the scorecard and never stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fsictl.model.columns import Floats
from fsictl.model.detectors.graph import Array
from fsictl.model.detectors.mahalanobis import statistics_of
from fsictl.model.scaler import Scaler
from fsictl.model.scoring import Scores

COMPONENTS = 16
"""Principal components kept: as many numbers as the autoencoder squeezes a window through."""

TREES = 200


@dataclass(frozen=True, slots=True)
class LargestValue:
    """The largest scaled value in the window: no model at all."""

    scaler: Scaler
    name: str = "max abs z"

    def score(self, windows: Array) -> Scores:
        """The largest of each feature, and of all."""
        errors = np.abs(self.scaler.transform(windows)).max(axis=1)
        return Scores(errors.max(axis=1), errors)


@dataclass(frozen=True, slots=True)
class PrincipalComponents:
    """The mean squared error of a window that is put together again from its first principal components."""

    scaler: Scaler
    center: Floats = field(repr=False)
    components: Floats = field(repr=False)
    name: str = "PCA"

    def score(self, windows: Array) -> Scores:
        """Errors of each feature, and their mean."""
        flat = self.scaler.transform(windows).reshape(len(windows), -1) - self.center
        rest = flat - flat @ self.components.T @ self.components
        errors = (rest.reshape(windows.shape) ** 2).mean(axis=1).astype(np.float32)
        return Scores(errors.mean(axis=1), errors)


@dataclass(frozen=True, slots=True)
class Forest:
    """Scikit-learn's IsolationForest on the same statistics of windows that Mahalanobis sees."""

    scaler: Scaler
    forest: Any = field(repr=False)
    name: str = "IsolationForest"

    def score(self, windows: Array) -> Scores:
        """Anomaly scores; they say nothing about features."""
        score = -self.forest.score_samples(statistics_of(self.scaler.transform(windows)))
        return Scores(score.astype(np.float32), np.zeros((len(windows), windows.shape[2]), np.float32))


def fit_principal_components(windows: Array, scaler: Scaler) -> PrincipalComponents:
    """The :data:`COMPONENTS` directions in which these ordinary windows differ most."""
    flat = scaler.transform(windows).reshape(len(windows), -1).astype(np.float64)
    center = flat.mean(axis=0)
    _, vectors = np.linalg.eigh((flat - center).T @ (flat - center))
    return PrincipalComponents(scaler, center, vectors[:, ::-1][:, :COMPONENTS].T)


def fit_forest(windows: Array, scaler: Scaler, seed: int) -> Forest | None:
    """A forest of ordinary windows, or ``None`` where scikit-learn (``fsictl[evaluation]``) is not installed."""
    try:
        from sklearn.ensemble import IsolationForest
    except ModuleNotFoundError:
        return None
    forest = IsolationForest(n_estimators=TREES, random_state=seed)
    return Forest(scaler, forest.fit(statistics_of(scaler.transform(windows))))
