"""What the operator knows of each symbol, in arrays whose last axis is the symbol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from fsictl.metrics.kernel import Column, Windows
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import FloatArray, IntArray

NEVER = -(2**61)
"""The second of something that has not happened; with a gap added it is still long ago."""

INFINITY_MS = 2**60
"""A watermark after every event time there can be."""

SCALARS = ("last_second", "last_real", "last_real_ms", "late")


@dataclass(slots=True, eq=False)
class SymbolStates:
    """The states of the first ``number`` symbols, with room for more.

    ``last_second`` is the last second that has a row, ``last_real`` the last such second with a tick of its own,
    ``last_real_ms`` that tick's event time and ``last`` its price; ``late`` is the number of late ticks.
    """

    number: int
    last_second: IntArray
    last_real: IntArray
    last_real_ms: IntArray
    last: FloatArray
    late: IntArray
    windows: Windows

    @classmethod
    def empty(cls, parameters: MetricsParameters, room: int = 0) -> SymbolStates:
        """No symbols."""
        return cls(
            0,
            last_second=np.full(room, NEVER, np.int64),
            last_real=np.full(room, 2 * NEVER, np.int64),  # so long before last_second that nothing is filled
            last_real_ms=np.zeros(room, np.int64),
            last=np.zeros(room),
            late=np.zeros(room, np.int64),
            windows=Windows.empty(parameters, room),
        )

    def add(self, symbols: int) -> None:
        """Make that many more symbols known, of which there is nothing yet."""
        number, room = self.number + symbols, len(self.last)
        if number > room:
            # Half as much again, so that symbols that come one by one are not copied for each of them.
            larger = SymbolStates.empty(self.windows.parameters, max(number, room + room // 2))
            _each_array(self, larger, lambda old, new: np.copyto(new[..., : self.number], old[..., : self.number]))
            for field in fields(self):
                setattr(self, field.name, getattr(larger, field.name))
        self.number = number

    def reorder(self, order: IntArray) -> None:
        """Make the symbol that was number ``order[i]`` number ``i``."""
        _each_array(self, self, lambda old, new: np.copyto(new[..., : self.number], old[..., order]))

    def next_fill(self, max_gap: int) -> IntArray:
        """For each symbol the next second that is filled if no tick comes, or ``-NEVER`` if none is."""
        last_second = self.last_second[: self.number]
        filling = last_second < self.last_real[: self.number] + max_gap
        return np.where(filling, last_second + 1, -NEVER)


def _each_array(source: Any, target: Any, change: Callable[[Column, Column], None]) -> None:
    """Call ``change`` with each array of the one state and the same of the other, however deep it lies."""
    for field in fields(source):
        old, new = getattr(source, field.name), getattr(target, field.name)
        if isinstance(old, np.ndarray):
            change(old, new)
        elif is_dataclass(old) and not isinstance(old, MetricsParameters):
            _each_array(old, new, change)
