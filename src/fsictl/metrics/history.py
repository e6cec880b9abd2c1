"""The newest bars of every symbol, each second in its own slot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.records.ticks import FloatArray, IntArray

BoolArray = npt.NDArray[np.bool_]

Owners = IntArray | slice
"""Numbers of symbols, or a slice for all of them: what the last axis of an array of states is indexed with."""


_BAR = ("last", "total", "count", "filled")


def numbers(owners: Owners) -> IntArray:
    """The numbers of these symbols, one by one."""
    return np.arange(owners.start, owners.stop) if isinstance(owners, slice) else owners


def chosen(owners: Owners, mask: BoolArray) -> Owners:
    """Those of the symbols for which the mask is set: all of them stay a slice, which is read without copying."""
    return owners if mask.all() else numbers(owners)[mask]


@dataclass(frozen=True, eq=False)
class Part:
    """Bars of consecutive seconds: arrays of the shape [seconds, symbols].

    ``present`` tells which there are. Where there is none, ``last`` is any price and the others are 0.
    """

    present: BoolArray
    last: FloatArray
    total: FloatArray
    count: IntArray
    filled: BoolArray

    @cached_property
    def is_whole(self) -> bool:
        """Whether every bar is there."""
        return bool(self.present.all())

    def only_present(self, values: FloatArray) -> FloatArray:
        """These values, with 0 where there is no bar."""
        return values if self.is_whole else np.where(self.present, values, 0.0)

    def next_last(self, after: FloatArray) -> FloatArray:
        """The LAST of the next bar from each second on, and in the end ``after``: shape [seconds + 1, symbols]."""
        lasts = np.concatenate([self.last, after[None]])
        if self.is_whole:
            return lasts
        seconds = len(self.last)
        source = np.full(lasts.shape, seconds)
        source[:-1] = np.where(self.present, np.arange(seconds)[:, None], seconds)
        return np.take_along_axis(lasts, np.minimum.accumulate(source[::-1])[::-1], axis=0)

    def previous_last(self, before: FloatArray) -> FloatArray:
        """The LAST of the bar before each second, which is ``before`` for the first bar."""
        lasts = np.concatenate([before[None], self.last[:-1]])
        if self.is_whole:
            return lasts
        source = np.zeros(lasts.shape, np.int64)
        source[1:] = np.where(self.present[:-1], np.arange(1, len(lasts))[:, None], 0)
        return np.take_along_axis(lasts, np.maximum.accumulate(source), axis=0)


@dataclass(slots=True, eq=False)
class History:
    """The bar of second ``s`` lies in slot ``s % window``; every array has the shape [window, room for symbols].

    A slot keeps what was put there last, however long ago: ``end``, the end of that bar in seconds since the epoch,
    tells. It is 0 where nothing ever was, so that memory stays untouched until it is needed.
    """

    end: IntArray
    last: FloatArray
    total: FloatArray
    count: IntArray
    filled: BoolArray

    @classmethod
    def empty(cls, window: int, room: int) -> History:
        """No bars."""
        shape = (window, room)
        return cls(
            end=np.zeros(shape, np.int64),
            last=np.zeros(shape),
            total=np.zeros(shape),
            count=np.zeros(shape, np.int64),
            filled=np.zeros(shape, bool),
        )

    def part(self, owners: Owners, start: IntArray, length: int) -> Part:
        """The bars of so many seconds of each symbol, from its own second ``start`` on."""
        second = start + np.arange(length)[:, None]
        slot = second % len(self.end)
        if isinstance(owners, slice):  # row by row when all begin in the same second
            where: Any = (slot[:, 0], owners) if (start == start[0]).all() else (slot, numbers(owners))
        else:
            where = (slot, owners)
        present = (self.end[where] == second + 1) & (second >= 0)
        return Part(present, *(np.where(present, getattr(self, name)[where], 0) for name in _BAR))

    def put(self, owners: Owners, start: int, bars: Part) -> None:
        """Store bars of consecutive seconds from ``start`` on, all in one multiple of the window."""
        seconds = np.arange(len(bars.last))
        slot = start % len(self.end)
        if bars.is_whole:
            where: tuple[slice | IntArray, Owners] = (slice(slot, slot + len(seconds)), owners)
            self.end[where] = (start + 1 + seconds)[:, None]
            for name in _BAR:
                getattr(self, name)[where] = getattr(bars, name)
        else:
            rows, columns = np.nonzero(bars.present)
            where = (slot + rows, numbers(owners)[columns])
            self.end[where] = start + 1 + rows
            for name in _BAR:
                getattr(self, name)[where] = getattr(bars, name)[rows, columns]
