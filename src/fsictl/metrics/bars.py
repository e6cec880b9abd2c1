"""Ticks to one-second bars."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fsictl.records.ticks import FloatArray, IntArray

_SPARE_BITS = 63  # of a signed 64-bit number


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """One-second bars as columns, by second and then by owner.

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

    def until(self, second: int, start: int) -> Bars:
        """The bars from position ``start`` on that begin before this second."""
        which = slice(start, start + int(np.searchsorted(self.second[start:], second)))
        columns: list[Any] = [getattr(self, field.name)[which] for field in fields(self)]
        return Bars(*columns)


def bars_of(owner: IntArray, timestamp: IntArray, value: FloatArray) -> Bars:
    """The bars of ticks that are given in order of arrival.

    Of ticks with equal timestamps the earliest arrival can be FIRST and the latest can be LAST. SUM is added up in
    order of event time, so that it does not depend on the order of arrival.

    >>> bars = bars_of(np.array([0, 0, 0]), np.array([1700, 1100, 2500]), np.array([1.2, 1.0, 1.1]))
    >>> bars.second.tolist(), bars.first.tolist(), bars.last.tolist(), bars.count.tolist()
    ([1, 2], [1.0, 1.1], [1.2, 1.1], [2, 1])
    """
    order = _order(owner, timestamp)
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


def _order(owner: IntArray, timestamp: IntArray) -> IntArray:
    """By second, then by owner, then by timestamp, then by arrival.

    One number with all of that sorts several times faster than ``lexsort``, if it fits.
    """
    if not len(owner):
        return owner
    earliest = timestamp.min() // 1000 * 1000
    second, millisecond = np.divmod(timestamp - earliest, 1000)
    owners, arrivals = int(owner.max()) + 1, len(owner)
    if int(second.max() + 1) * owners * 1000 * arrivals >= 2**_SPARE_BITS:
        return np.lexsort((timestamp, owner, second))  # stable
    key = ((second * owners + owner) * 1000 + millisecond) * arrivals + np.arange(arrivals)
    key.sort()
    order: IntArray = key % arrivals
    return order
