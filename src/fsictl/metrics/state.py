"""What the operator knows of each symbol, in arrays with one row per symbol."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsictl.metrics.kernel import BoolArray, Tape, sliding
from fsictl.records.ticks import FloatArray, IntArray

NEVER = -(2**61)
"""The second of something that has not happened; with a gap or window added it is still long ago."""

INFINITY_MS = 2**60
"""A watermark after every event time there can be."""

NOTHING_PENDING = 2**61
"""The second of the first pending tick of a symbol that has none."""


@dataclass(slots=True, eq=False)
class History:
    """The newest ``window - 1`` rows of each symbol, oldest first, padded in front; shape [symbols, window - 1]."""

    second: IntArray
    last: FloatArray
    total: FloatArray
    count: IntArray
    filled: BoolArray

    @classmethod
    def padding(cls, symbols: int, width: int) -> History:
        """History of symbols that have none."""
        shape = (symbols, width)
        return cls(
            np.full(shape, NEVER, np.int64),
            np.zeros(shape),
            np.zeros(shape),
            np.zeros(shape, np.int64),
            np.zeros(shape, bool),
        )

    def store(self, owners: IntArray, tape: Tape, newest: IntArray) -> None:
        """Replace these symbols' history by what ends at their newest positions of the tape."""
        width = self.second.shape[1]
        for name in History.__dataclass_fields__:
            getattr(self, name)[owners] = sliding(getattr(tape, name), width)[newest - (width - 1)]


@dataclass(slots=True, eq=False)
class SymbolStates:
    """One entry per symbol in every array; all are int64.

    ``last_second`` is the last second that has a row, ``last_real`` the last such second with a tick of its own and
    ``last_real_ms`` that tick's event time, ``first_pending`` the earliest second of the ticks that wait to be
    closed, ``late`` the number of late ticks.
    """

    last_second: IntArray
    last_real: IntArray
    last_real_ms: IntArray
    first_pending: IntArray
    late: IntArray
    history: History

    @classmethod
    def unstarted(cls, symbols: int, window: int) -> SymbolStates:
        """Symbols of which nothing is known."""
        return cls(
            np.full(symbols, NEVER, np.int64),
            np.full(symbols, 2 * NEVER, np.int64),  # so long before last_second that nothing is filled
            np.zeros(symbols, np.int64),
            np.full(symbols, NOTHING_PENDING, np.int64),
            np.zeros(symbols, np.int64),
            History.padding(symbols, window - 1),
        )

    def __len__(self) -> int:
        return len(self.last_second)

    def is_started(self, owners: IntArray) -> BoolArray:
        """Which of these symbols have a row."""
        started: BoolArray = self.last_second[owners] > NEVER
        return started

    def next_second(self, max_gap: int) -> IntArray:
        """The next second of each symbol that gets a row, as far as is known; ``NOTHING_PENDING`` if none."""
        filling = self.last_second < self.last_real + max_gap
        return np.where(filling, self.last_second + 1, self.first_pending)

    def add(self, symbols: int, window: int) -> None:
        """Make room for that many more symbols."""
        more = SymbolStates.unstarted(symbols, window)
        for name in ("last_second", "last_real", "last_real_ms", "first_pending", "late"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(more, name)]))
        for name in History.__dataclass_fields__:
            old, new = getattr(self.history, name), getattr(more.history, name)
            setattr(self.history, name, np.concatenate([old, new]))
