"""Robust scaling: what is usual lies within about one, what is not grows only like its logarithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Floats

NORMAL_IQR = 1.349
"""Interquartile range of the standard normal distribution, so that scaled values are about standard deviations."""

LEAST_SCALE = 0.05
"""Smallest scale: a feature that hardly ever moves (a constant tick rate, a flat price) must not blow up."""


@dataclass(frozen=True, slots=True)
class Scaler:
    """asinh((x − center) / scale), one center and scale per feature."""

    center: tuple[float, ...]
    scale: tuple[float, ...]

    def transform(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scaled values, in the arithmetic (float32) of the scoring graph.

        >>> Scaler((1.0,), (2.0,)).transform(np.array([[1.0], [3.0]], dtype=np.float32)).round(4).tolist()
        [[0.0], [0.8813999891281128]]
        """
        center = np.asarray(self.center, dtype=np.float32)
        scale = np.asarray(self.scale, dtype=np.float32)
        scaled: npt.NDArray[np.float32] = np.arcsinh((values - center) / scale)
        return scaled


def fit_scaler(values: npt.NDArray[np.float32] | Floats) -> Scaler:
    """Median and interquartile range of rows of features, [rows, features].

    >>> fit_scaler(np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]]))
    Scaler(center=(1.0, 5.0), scale=(0.7412898443291327, 0.05))
    """
    low, center, high = np.quantile(np.asarray(values, dtype=np.float64), (0.25, 0.5, 0.75), axis=0)
    scale = np.maximum((high - low) / NORMAL_IQR, LEAST_SCALE)
    return Scaler(tuple(map(float, center)), tuple(map(float, scale)))
