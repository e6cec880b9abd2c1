"""Ticks that wait for their second to close.

They are kept as ticks and not as half-made bars, because a sum of doubles depends on the order of adding up, and
that order must not depend on how the ticks arrived.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fsictl.records.ticks import FloatArray, IntArray

NOTHING = 2**61
"""The earliest second of no ticks."""


class Pending:
    """Ticks in order of arrival; ``owner`` is the number of the symbol."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []

    @property
    def earliest(self) -> int:
        """The earliest second that has a tick."""
        return min((part.earliest for part in self._parts), default=NOTHING)

    @property
    def latest(self) -> int:
        """The latest second that has a tick, ``-NOTHING`` without any."""
        return max((part.latest for part in self._parts), default=-NOTHING)

    def run_from(self, second: int, *, near: int) -> IntArray:
        """The seconds with ticks from this one on, as long as no two are more than ``near`` apart; in order."""
        seconds = np.unique(np.concatenate([np.unique(part.timestamp // 1000) for part in self._parts]))
        seconds = seconds[np.searchsorted(seconds, second) :]
        apart = np.flatnonzero(np.diff(seconds, prepend=second) > near)
        return seconds[: apart[0]] if len(apart) else seconds

    def append(self, owner: IntArray, timestamp: IntArray, value: FloatArray) -> None:
        """Add ticks that arrived after all others."""
        if len(owner):
            seconds = int(timestamp.min()) // 1000, int(timestamp.max()) // 1000
            self._parts.append(_Part(owner, timestamp, value, *seconds))

    def columns(self) -> tuple[IntArray, IntArray, FloatArray]:
        """Owner, timestamp and value of all that wait."""
        return _joined(self._parts)

    def renumber(self, number: IntArray) -> None:
        """Give symbol ``i`` the number ``number[i]``."""
        self._parts = [part._replace(owner=number[part.owner]) for part in self._parts]

    def take_before(self, second: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Remove and return the ticks of earlier seconds."""
        parts, taken = self._parts, []
        self._parts = []
        for part in parts:
            if part.latest < second:
                taken.append(part)
            elif part.earliest >= second:
                self._parts.append(part)
            else:
                closing = part.timestamp < second * 1000
                taken.append(part.take(closing))
                rest = part.take(~closing)
                self._parts.append(rest._replace(earliest=int(rest.timestamp.min()) // 1000))
        return _joined(taken)


class _Part(NamedTuple):
    """Ticks that arrived together, and their earliest and latest second."""

    owner: IntArray
    timestamp: IntArray
    value: FloatArray
    earliest: int
    latest: int

    def take(self, which: npt.NDArray[np.bool_]) -> _Part:
        return self._replace(owner=self.owner[which], timestamp=self.timestamp[which], value=self.value[which])


def _joined(parts: list[_Part]) -> tuple[IntArray, IntArray, FloatArray]:
    if len(parts) == 1:
        return parts[0][:3]
    empty = _Part(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), NOTHING, NOTHING)
    owners, timestamps, values, _, _ = zip(empty, *parts, strict=True)
    return np.concatenate(owners), np.concatenate(timestamps), np.concatenate(values)
