"""Scaling of features: robust and bent (what is far out grows only like its logarithm), or plain z-scores."""

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
    """asinh((x − center) / scale), one center and scale per feature; without asinh if it is not to ``bend``."""

    center: tuple[float, ...]
    scale: tuple[float, ...]
    bend: bool = True

    def transform(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scaled values, in the arithmetic (float32) of the scoring graph.

        >>> Scaler((1.0,), (2.0,)).transform(np.array([[1.0], [3.0]], dtype=np.float32)).round(4).tolist()
        [[0.0], [0.8813999891281128]]
        """
        center = np.asarray(self.center, dtype=np.float32)
        scale = np.asarray(self.scale, dtype=np.float32)
        scaled: npt.NDArray[np.float32] = (values - center) / scale
        return np.arcsinh(scaled) if self.bend else scaled


def fit_scaler(values: npt.NDArray[np.float32] | Floats, *, robust: bool = True) -> Scaler:
    """Median and interquartile range of rows of features, [rows, features]; else mean and standard deviation.

    >>> fit_scaler(np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]]))
    Scaler(center=(1.0, 5.0), scale=(0.7412898443291327, 0.05), bend=True)
    """
    values = np.asarray(values, dtype=np.float64)
    if not robust:
        spread = np.maximum(values.std(axis=0), np.finfo(np.float32).tiny)
        return Scaler(tuple(map(float, values.mean(axis=0))), tuple(map(float, spread)), bend=False)
    low, center, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    scale = np.maximum((high - low) / NORMAL_IQR, LEAST_SCALE)
    return Scaler(tuple(map(float, center)), tuple(map(float, scale)))
