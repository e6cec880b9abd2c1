"""Sums over a sliding window of seconds, in two halves: nothing is ever subtracted.

Time is cut into chunks as long as the window. A window that ends inside of a chunk is the end of the chunk before
(its *tail*) and the beginning of this one (its *head*). Heads grow second by second; tails are sums from the other
side, made when a chunk begins. Both are sums of bars of the window alone, so nothing drifts, nothing cancels, a bad
tick is gone when it leaves the window, and a sum of zeros is zero. Every sum adds the same numbers in the same
order, so it has the same bits however many seconds are computed at once.

The idea is van Herk's (Pattern Recognition Letters 13, 1992): a few additions for each second, however long the
window. To save memory, tails are kept as their sums at the end of every block of seconds, and whole for one block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fsictl.metrics.history import History, Owners, Part, chosen
from fsictl.metrics.terms import Term, ema_weights, head_terms, tail_terms
from fsictl.records.ticks import FloatArray, IntArray

SYMBOLS_AT_ONCE = 512
"""So many symbols begin a chunk together: it bounds the memory that this takes."""

_SHORT = 512  # terms of a second, up to which numpy's own running sum is faster than a loop over the seconds


@dataclass(slots=True, eq=False)
class Halves:
    """Heads and tails of every symbol; the last axis of every array is the symbol.

    ``chunk`` is the number of the chunk of the head, ``first`` the LAST of its first bar, ``before`` that of the last
    bar of the chunk before. ``ends`` and ``next_last`` have an entry for each block of the tail: the sums over the
    bars behind it, and the LAST of the first of them. ``block`` tells which block the sums in ``tail`` are of: its
    number since the epoch plus 1, or 0 for none.
    """

    width: int
    alpha: float
    chunk: IntArray
    first: FloatArray
    before: FloatArray
    head: FloatArray
    ends: FloatArray
    next_last: FloatArray
    tail: FloatArray
    block: IntArray

    @classmethod
    def empty(cls, width: int, alpha: float, room: int) -> Halves:
        """Windows without bars."""
        seconds = math.isqrt(width - 1) + 1
        blocks = -(-width // seconds)
        return cls(
            width,
            alpha,
            chunk=np.zeros(room, np.int64),
            first=np.zeros(room),
            before=np.zeros(room),
            head=np.zeros((len(Term), room)),
            ends=np.zeros((blocks, len(Term), room)),
            next_last=np.zeros((blocks, room)),
            tail=np.zeros((seconds, len(Term), room)),
            block=np.zeros(room, np.int64),
        )

    def roll(
        self, history: History, owners: Owners, second: int, bars: Part, previous: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The heads and the tails of the windows that end with each of these bars: [seconds, terms, symbols] each.

        ``bars`` are those of the symbols' next seconds, from ``second`` on and in one chunk; ``previous`` is the LAST
        of the bar before each. ``history`` has the bars before them, and not yet these.
        """
        self._begin_chunk(history, owners, second // self.width)
        is_first = self.head[Term.BARS, owners] == 0
        if is_first.any():
            self.first[owners] = np.where(is_first, bars.next_last(bars.last[0])[0], self.first[owners])
        heads = self._grow(self.head[:, owners], bars, self.first[owners], previous)
        self.head[:, owners] = heads[-1]
        return heads[1:], self._tails(history, owners, second, len(heads) - 1)

    def rebuild(self, history: History, last_second: IntArray) -> None:
        """Make the halves of the first symbols from their history alone: they come out the same, to the bit."""
        self.chunk[: len(last_second)] = last_second // self.width
        for owners in _few(slice(0, len(last_second))):
            bars = history.part(owners, self.chunk[owners] * self.width, self.width)
            self.first[owners] = first = bars.next_last(bars.last[0])[0]
            nothing = np.zeros((len(Term), len(first)))
            self.head[:, owners] = self._grow(nothing, bars, first, bars.previous_last(first))[-1]
            self._make_ends(history, owners)

    def _begin_chunk(self, history: History, owners: Owners, chunk: int) -> None:
        behind = self.chunk[owners] != chunk
        if not behind.any():
            return
        beginners = chosen(owners, behind)
        self.chunk[beginners] = chunk
        self.head[:, beginners] = 0.0
        for some in _few(beginners):
            self._make_ends(history, some)

    def _grow(self, head: FloatArray, bars: Part, first: FloatArray, previous: FloatArray) -> FloatArray:
        """The sums before these bars and after each of them: [seconds + 1, terms, symbols]."""
        heads = np.empty((len(bars.last) + 1, *head.shape))
        heads[0] = head
        is_first = head[Term.BARS] == 0
        if is_first.any():
            began = np.maximum.accumulate(bars.present, axis=0)
            began = np.concatenate([~is_first[None], began[:-1] | ~is_first])
            previous = np.where(began, previous, first)
        head_terms(heads[1:], bars, first, previous)
        _add_up(heads[:, : Term.WEIGHTED])
        decay = np.where(bars.present, 1 - self.alpha, 1.0)
        for second in range(len(decay)):
            heads[second + 1, Term.WEIGHTED] += heads[second, Term.WEIGHTED] * decay[second]
        return heads

    def _make_ends(self, history: History, owners: Owners) -> None:
        """Sums from the end of the chunk before, at the end of each of its blocks."""
        bars = history.part(owners, (self.chunk[owners] - 1) * self.width, self.width)
        nothing = np.zeros((len(Term), bars.last.shape[1]))
        newest = self.width - 1 - bars.present[::-1].argmax(axis=0)
        self.before[owners] = before = bars.last[newest, np.arange(len(newest))]
        held = bars.next_last(nothing[0])
        sums = self._tail_sums(bars, before, held, nothing)
        behind = np.minimum(np.arange(1, len(self.ends) + 1) * len(self.tail), self.width)
        self.ends[:, :, owners] = sums[behind]
        self.next_last[:, owners] = held[behind]
        self.block[owners] = 0

    def _tail_sums(self, bars: Part, before: FloatArray, held: FloatArray, end: FloatArray) -> FloatArray:
        """The sums from each bar on, and in the end ``end``: [seconds + 1, terms, symbols]."""
        after = np.zeros(bars.last.shape, np.int64)
        np.cumsum(bars.present[:0:-1], axis=0, out=after[-2::-1])
        after += end[Term.BARS].astype(np.int64)
        sums = np.empty((len(bars.last) + 1, *end.shape))
        sums[-1] = end
        tail_terms(sums[:-1], bars, before, after, held[1:], ema_weights(self.alpha, self.width)[0])
        _add_up(sums[::-1])
        return sums

    def _tails(self, history: History, owners: Owners, second: int, seconds: int) -> FloatArray:
        """The tails of the windows that end at so many seconds, from ``second`` on in one chunk."""
        chunk, position = divmod(second, self.width)
        position += 1  # of the oldest second in the window
        if position == self.width:
            return np.zeros((1, *self.head[:, owners].shape))
        if seconds > 1:
            return self._read_tails(history, owners, position, position + seconds - 1)[:seconds]
        block, offset = divmod(position, len(self.tail))
        key = chunk * len(self.ends) + block + 1
        stale = self.block[owners] != key
        if stale.any():
            readers = chosen(owners, stale)
            whole = self._read_tails(history, readers, block * len(self.tail), position)[:-1]
            self.tail[: len(whole), :, readers] = whole
            self.block[readers] = key
        return self.tail[offset : offset + 1][..., owners]

    def _read_tails(self, history: History, owners: Owners, begin: int, end: int) -> FloatArray:
        """The sums from every position on, from ``begin`` to the end of the block that ``end`` lies in."""
        block = min(end // len(self.tail), len(self.ends) - 1)
        until = min((block + 1) * len(self.tail), self.width)
        start = (self.chunk[owners] - 1) * self.width + begin
        bars = history.part(owners, start, until - begin)
        held = bars.next_last(self.next_last[block, owners])
        return self._tail_sums(bars, self.before[owners], held, self.ends[block][:, owners])


def _few(owners: Owners) -> Iterator[Owners]:
    """The same symbols, a few at a time."""
    if isinstance(owners, slice):
        for start in range(owners.start, owners.stop, SYMBOLS_AT_ONCE):
            yield slice(start, min(start + SYMBOLS_AT_ONCE, owners.stop))
    else:
        for start in range(0, len(owners), SYMBOLS_AT_ONCE):
            yield owners[start : start + SYMBOLS_AT_ONCE]


def _add_up(values: FloatArray) -> None:
    """Running sums along the first axis, in place."""
    if values[0].size <= _SHORT:
        np.add.accumulate(values, axis=0, out=values)
        return
    for second in range(1, len(values)):
        values[second] += values[second - 1]
