"""Ticks that wait for their second to close.

They are kept as ticks and not as half-made bars, because a sum of doubles depends on the order of adding up, and
that order must not depend on how the ticks arrived.
"""

from __future__ import annotations

import numpy as np

from fsictl.metrics.state import NOTHING_PENDING
from fsictl.records.ticks import FloatArray, IntArray


class Pending:
    """Ticks in order of arrival; ``owner`` is the number of the symbol."""

    def __init__(self) -> None:
        self._parts: list[tuple[IntArray, IntArray, FloatArray]] = []

    def append(self, owner: IntArray, timestamp: IntArray, value: FloatArray) -> None:
        """Add ticks that arrived after all others."""
        self._parts.append((owner, timestamp, value))

    def columns(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Owner, timestamp and value of all that wait."""
        if len(self._parts) != 1:
            nothing = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
            owners, timestamps, values = zip(nothing, *self._parts, strict=True)
            self._parts = [(np.concatenate(owners), np.concatenate(timestamps), np.concatenate(values))]
        return self._parts[0]

    def take_until(self, newest_second: int, first_pending: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Remove and return the ticks up to the end of that second; sets each symbol's ``first_pending`` anew."""
        owner, timestamp, value = self.columns()
        second = timestamp // 1000
        closing = second <= newest_second
        rest = ~closing
        self._parts = [(owner[rest], timestamp[rest], value[rest])]
        first_pending[:] = NOTHING_PENDING
        np.minimum.at(first_pending, owner[rest], second[rest])
        return owner[closing], timestamp[closing], value[closing]
