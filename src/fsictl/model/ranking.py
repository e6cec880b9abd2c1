"""How well scores tell two kinds of windows apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.floating[Any]]


def roc_auc(ordinary: Numbers, anomalous: Numbers) -> float:
    """The chance that an anomalous window scores above an ordinary one; ties count half. NaN without either.

    >>> roc_auc(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0]))
    0.9166666666666666
    """
    if not len(ordinary) or not len(anomalous):
        return float("nan")
    ordered = np.sort(ordinary)
    below = np.searchsorted(ordered, anomalous, side="left")
    not_above = np.searchsorted(ordered, anomalous, side="right")
    return float((below + not_above).mean() / (2 * len(ordered)))


def average_precision(ordinary: Numbers, anomalous: Numbers) -> float:
    """The precision at every threshold, weighted by what recall it adds. NaN without anomalous windows.

    >>> average_precision(np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    0.8333333333333333
    """
    if not len(anomalous):
        return float("nan")
    thresholds, found = np.unique(np.asarray(anomalous, dtype=np.float64), return_counts=True)
    hits = np.cumsum(found[::-1])[::-1]
    false = len(ordinary) - np.searchsorted(np.sort(ordinary), thresholds, side="left")
    return float(np.sum(hits / (hits + false) * found) / len(anomalous))
