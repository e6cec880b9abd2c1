"""Which windows train the network, which calibrate its score, and which check both: cut in time, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Columns, Integers
from fsictl.model.features import FEATURES, features_of, history_rows
from fsictl.model.windows import ROW_MS, WindowRules, cut_windows, is_stale, run_lengths

HELD_OUT = 0.2
"""Share of the windows, the latest ones, that the network never sees: half to calibrate, half to check."""


@dataclass(frozen=True, slots=True)
class WindowSplit:
    """Features of all rows, and the last rows of the windows of each part, oldest first."""

    features: npt.NDArray[np.float32]
    train: Integers
    calibrate: Integers
    check: Integers
    windows: int


def split_windows(columns: Columns, rules: WindowRules, names: tuple[str, ...] = FEATURES) -> WindowSplit:
    """The usable windows in three parts of which no two share a moment.

    Windows that would overlap an earlier part are left out, so the parts together may hold less than ``windows``.
    """
    features = features_of(columns, metrics_window=rules.metrics_window, names=names)
    ends = usable_windows(columns, features, rules)
    if len(ends) == 0:
        return WindowSplit(features, ends, ends, ends, 0)
    time = columns.timestamp[ends]
    first, second = (time[int(len(ends) * (1 - share))] for share in (HELD_OUT, HELD_OUT / 2))
    apart = rules.length * ROW_MS
    return WindowSplit(
        features,
        train=ends[time < first],
        calibrate=ends[(time >= first + apart) & (time < second)],
        check=ends[time >= second + apart],
        windows=len(ends),
    )


def usable_windows(columns: Columns, features: npt.NDArray[np.float32], rules: WindowRules) -> Integers:
    """Last rows of the windows that can be learned from, oldest first: all history there, finite, not stale."""
    runs = run_lengths(columns.code, columns.timestamp)
    ends = cut_windows(columns, runs, rules)
    ends = ends[runs[ends] >= rules.length + history_rows(rules.metrics_window)]
    ends = ends[~is_stale(columns, ends, rules)]
    ends = ends[np.argsort(columns.timestamp[ends], kind="stable")]
    broken = np.concatenate(([0], np.cumsum(~np.isfinite(features).all(axis=1))))
    usable: Integers = ends[broken[ends + 1] == broken[ends + 1 - rules.length]]
    return usable


def thinned(ends: Integers, most: int) -> Integers:
    """At most that many of the windows, evenly spaced.

    >>> thinned(np.arange(10), 3).tolist()
    [0, 3, 6]
    """
    return ends if len(ends) <= most else ends[np.arange(most) * len(ends) // most]
