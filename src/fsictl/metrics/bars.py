"""Ticks to one-second bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fsictl.records.ticks import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """One-second bars as columns, by owner and then by second.

    ``owner`` is the number of the symbol, ``second`` the start of the bar in seconds since the epoch, the two
    timestamps are event times in milliseconds; the rest is as in the table ``metrics``.
    """

    owner: IntArray
    second: IntArray
    first: FloatArray
    last: FloatArray
    first_ms: IntArray
    last_ms: IntArray
    low: FloatArray
    high: FloatArray
    total: FloatArray
    count: IntArray

    def __len__(self) -> int:
        return len(self.owner)

    @classmethod
    def concat(cls, parts: Sequence[Bars]) -> Bars:
        """The parts one after the other."""
        columns: list[Any] = [np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)]
        return cls(*columns)

    def take(self, which: IntArray) -> Bars:
        """The bars at these positions."""
        columns: list[Any] = [getattr(self, f.name)[which] for f in fields(self)]
        return Bars(*columns)


def bars_of(owner: IntArray, timestamp: IntArray, value: FloatArray) -> Bars:
    """The bars of ticks that are given in order of arrival.

    Of ticks with equal timestamps the earliest arrival can be FIRST and the latest can be LAST. SUM is added up in
    order of event time, so that it does not depend on the order of arrival.

    >>> bars = bars_of(np.array([0, 0, 0]), np.array([1700, 1100, 2500]), np.array([1.2, 1.0, 1.1]))
    >>> bars.second.tolist(), bars.first.tolist(), bars.last.tolist(), bars.count.tolist()
    ([1, 2], [1.0, 1.1], [1.2, 1.1], [2, 1])
    """
    order = np.lexsort((timestamp, owner))  # stable: equal timestamps stay in order of arrival
    owner, timestamp, value = owner[order], timestamp[order], value[order]
    second = timestamp // 1000
    is_start = np.ones(len(owner), bool)
    is_start[1:] = (owner[1:] != owner[:-1]) | (second[1:] != second[:-1])
    starts = np.flatnonzero(is_start)
    ends = np.append(starts, len(owner))[1:] - 1
    with np.errstate(over="ignore"):
        total = np.add.reduceat(value, starts)
    return Bars(
        owner=owner[starts],
        second=second[starts],
        first=value[starts],
        last=value[ends],
        first_ms=timestamp[starts],
        last_ms=timestamp[ends],
        low=np.minimum.reduceat(value, starts),
        high=np.maximum.reduceat(value, starts),
        total=total,
        count=ends - starts + 1,
    )
