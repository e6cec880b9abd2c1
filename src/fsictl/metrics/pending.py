"""Ticks that wait for their second to close.

They are kept as ticks and not as half-made bars, because a sum of doubles depends on the order of adding up, and
that order must not depend on how the ticks arrived.
"""

from __future__ import annotations

import numpy as np

from fsictl.records.ticks import FloatArray, IntArray

NOTHING = 2**61
"""The earliest second of no ticks."""


class Pending:
    """Ticks in order of arrival; ``owner`` is the number of the symbol."""

    def __init__(self) -> None:
        self._parts: list[tuple[IntArray, IntArray, FloatArray]] = []
        self.earliest = NOTHING
        """The earliest second that has a tick."""

    def append(self, owner: IntArray, timestamp: IntArray, value: FloatArray) -> None:
        """Add ticks that arrived after all others."""
        if len(owner):
            self._parts.append((owner, timestamp, value))
            self.earliest = min(self.earliest, int(timestamp.min()) // 1000)

    def columns(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Owner, timestamp and value of all that wait."""
        if len(self._parts) != 1:
            nothing = (np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
            owners, timestamps, values = zip(nothing, *self._parts, strict=True)
            self._parts = [(np.concatenate(owners), np.concatenate(timestamps), np.concatenate(values))]
        return self._parts[0]

    def take_before(self, second: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Remove and return the ticks of earlier seconds."""
        owner, timestamp, value = self.columns()
        closing = timestamp < second * 1000
        rest = ~closing
        self._parts, self.earliest = [], NOTHING
        self.append(owner[rest], timestamp[rest], value[rest])
        return owner[closing], timestamp[closing], value[closing]
