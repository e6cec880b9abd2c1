"""Ticks to one-second bars."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fsictl.records.ticks import FloatArray, IntArray

_BITS = 63  # of a signed 64-bit number that is not negative
_MS_BITS = 10
_DIGIT_BITS = 16


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
    value, ends = value.take(order), np.append(starts, len(owner))[1:] - 1
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
    earliest, owner_bits = int(timestamp.min()) // 1000, int(owner.max()).bit_length()
    seconds = int(timestamp.max()) // 1000 - earliest
    millisecond = timestamp - earliest * 1000
    if seconds.bit_length() + owner_bits + _MS_BITS > _BITS:
        second = millisecond // 1000
        order = np.lexsort((millisecond, owner, second))  # stable
        differs = (np.diff(owner[order]) != 0) | (np.diff(second[order]) != 0)
    else:
        bar = owner
        if seconds:
            second = millisecond // 1000
            bar, millisecond = second << owner_bits | owner, millisecond - second * 1000
        order = _argsort(bar << _MS_BITS | millisecond, seconds.bit_length() + owner_bits + _MS_BITS)
        bar = bar.take(order)
        differs = bar[1:] != bar[:-1]
    return order, np.concatenate([np.zeros(1, np.int64), np.flatnonzero(differs) + 1])


def _argsort(key: IntArray, bits: int) -> IntArray:
    """The stable order of numbers of so many bits: a radix sort, as numpy has one for numbers of 16 bits."""
    order = np.argsort(key.astype(np.uint16), kind="stable")  # astype keeps the lowest bits
    for shift in range(_DIGIT_BITS, bits, _DIGIT_BITS):
        digit = (key >> shift).astype(np.uint8 if bits - shift <= 8 else np.uint16)
        order = order.take(np.argsort(digit.take(order), kind="stable"))
    return order
