"""Ticks to one-second bars."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fsictl.records.ticks import FloatArray, IntArray

_BITS = 63  # of a signed 64-bit number that is not negative
_MS_BITS = 10


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
    order, starts = _order(owner, timestamp)
    value, ends = value[order], np.append(starts, len(owner))[1:] - 1
    first, last = order[starts], order[ends]
    with np.errstate(over="ignore"):
        total = np.add.reduceat(value, starts)
    return Bars(
        owner=owner[first],
        second=timestamp[first] // 1000,
        first=value[starts],
        last=value[ends],
        first_ms=timestamp[first],
        last_ms=timestamp[last],
        low=np.minimum.reduceat(value, starts),
        high=np.maximum.reduceat(value, starts),
        total=total,
        count=ends - starts + 1,
    )


def _order(owner: IntArray, timestamp: IntArray) -> tuple[IntArray, IntArray]:
    """Positions by second, then owner, then timestamp, then arrival; and where among these each bar begins."""
    if not len(owner):
        return owner, owner
    bar, millisecond = owner, timestamp - timestamp.min() // 1000 * 1000
    seconds = int(millisecond.max()) // 1000
    owner_bits, arrival_bits = int(owner.max()).bit_length(), len(owner).bit_length()
    if seconds.bit_length() + owner_bits + _MS_BITS + arrival_bits >= _BITS:
        second = timestamp // 1000
        order = np.lexsort((timestamp, owner, second))  # stable
        differs = (np.diff(owner[order]) != 0) | (np.diff(second[order]) != 0)
    else:  # One number with all of that sorts several times faster.
        if seconds:
            second = millisecond // 1000
            bar, millisecond = second << owner_bits | owner, millisecond - second * 1000
        key = (bar << _MS_BITS | millisecond) << arrival_bits | np.arange(len(owner))
        key.sort()
        order = key & (1 << arrival_bits) - 1
        key >>= arrival_bits + _MS_BITS
        differs = key[1:] != key[:-1]
    return order, np.concatenate([np.zeros(1, np.int64), np.flatnonzero(differs) + 1])
