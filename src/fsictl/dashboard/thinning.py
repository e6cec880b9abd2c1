"""Fewer points for a chart that cannot show them all, without losing what the eye looks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


def thin(series: Sequence[Floats], points: int, *, keep: npt.NDArray[np.bool_] | None = None) -> Indices:
    """Which rows to draw: about ``points`` of them, with every bucket's smallest and largest value of each series.

    ``series`` are arrays of one length, NaN where there is no value; ``keep`` marks rows that are wanted on top, and
    is heeded when they are at most ``points``. First and last row always stay. The indices are sorted.

    >>> thin([np.array([0.0, 0, 0, 9, 0, 0, 0, -7, 0, 0])], points=4).tolist()
    [0, 3, 5, 7, 9]
    >>> thin([np.arange(3.0)], points=10).tolist()
    [0, 1, 2]
    """
    rows = len(series[0])
    if rows <= points:
        return np.arange(rows, dtype=np.int64)
    size = -(-rows * 2 * len(series) // points)
    buckets = -(-rows // size)
    chosen = [np.array([0, rows - 1], np.int64)]
    for values in series:
        chosen += [_lowest(values, size, buckets), _lowest(-values, size, buckets)]
    if keep is not None and np.count_nonzero(keep) <= points:
        chosen.append(np.flatnonzero(keep))
    return np.unique(np.concatenate(chosen))


def _lowest(values: Floats, size: int, buckets: int) -> Indices:
    padded = np.full(size * buckets, np.inf)
    padded[: len(values)] = np.where(np.isnan(values), np.inf, values)
    grid = padded.reshape(buckets, size)
    at = grid.argmin(axis=1)
    found = np.isfinite(grid[np.arange(buckets), at])
    indices: Indices = (np.arange(buckets) * size + at)[found]
    return indices


def holes(seconds: Indices, *, least: float = 1.5) -> Indices:
    """The rows after which at least one second is missing (more than ``least`` seconds to the next row).

    >>> holes(np.array([1, 2, 60, 61])).tolist()
    [1]
    """
    found: Indices = np.flatnonzero(np.diff(seconds) > least)
    return found
