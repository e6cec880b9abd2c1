"""Ticks in columns: the form in which prices move through the program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SYMBOL_PATTERN = re.compile(r"[A-Za-z0-9._/\-]{1,32}")
"""What a symbol looks like; match it whole."""

MAX_TIMESTAMP_MS = 253_402_300_799_999
"""The last millisecond of the year 9999; later event times are not believed."""

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
CodeArray = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """``n`` ticks in arrival order, as columns.

    ``symbols`` is the dictionary, ``code[i]`` the index of tick ``i``'s symbol in it; ``timestamp`` is event
    time in integer milliseconds since the Unix epoch; ``value`` the price, finite and above zero;
    ``sequence`` tells apart ticks of one symbol in the same millisecond (0, 1, 2 … as published).

    >>> ticks = Ticks.of(["EURUSD", "USDJPY"], [1000, 1001], [1.1, 110.0])
    >>> len(ticks), ticks.symbols, ticks.code.tolist()
    (2, ('EURUSD', 'USDJPY'), [0, 1])
    """

    symbols: tuple[str, ...]
    code: CodeArray
    timestamp: IntArray
    value: FloatArray
    sequence: CodeArray

    def __len__(self) -> int:
        return len(self.timestamp)

    @classmethod
    def of(
        cls,
        symbols: Sequence[str],
        timestamps: Iterable[int],
        values: Iterable[float],
        sequence: Iterable[int] | None = None,
    ) -> Ticks:
        """Ticks from one symbol, timestamp and value each; without ``sequence`` all are 0."""
        dictionary: dict[str, int] = {}
        code = np.fromiter(
            (dictionary.setdefault(symbol, len(dictionary)) for symbol in symbols), np.int32, len(symbols)
        )
        return cls(
            tuple(dictionary),
            code,
            np.asarray(list(timestamps), np.int64),
            np.asarray(list(values), np.float64),
            np.zeros(len(code), np.int32) if sequence is None else np.asarray(list(sequence), np.int32),
        )

    @classmethod
    def empty(cls) -> Ticks:
        """No ticks at all."""
        return cls.of([], [], [])

    @classmethod
    def concat(cls, parts: Sequence[Ticks]) -> Ticks:
        """The parts one after the other, under one dictionary.

        >>> joined = Ticks.concat([Ticks.of(["A"], [1], [1.0]), Ticks.of(["B", "A"], [2, 3], [2.0, 3.0])])
        >>> joined.symbols, joined.code.tolist()
        (('A', 'B'), [0, 1, 0])
        """
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        dictionary: dict[str, int] = {}
        codes = []
        for part in parts:
            to_joint = np.array([dictionary.setdefault(s, len(dictionary)) for s in part.symbols], np.int32)
            codes.append(to_joint[part.code] if len(part) else part.code)
        return cls(
            tuple(dictionary),
            np.concatenate(codes),
            np.concatenate([part.timestamp for part in parts]),
            np.concatenate([part.value for part in parts]),
            np.concatenate([part.sequence for part in parts]),
        )

    def take(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Ticks:
        """The ticks at these positions (indices, a mask or a slice), dictionary unchanged."""
        return Ticks(self.symbols, self.code[which], self.timestamp[which], self.value[which], self.sequence[which])

    def symbol_of(self, index: int) -> str:
        """The symbol of the tick at ``index``."""
        return self.symbols[int(self.code[index])]


class SequenceNumbers:
    """Numbers ticks of one symbol that share a millisecond, across batches of one publisher.

    It remembers the last millisecond of each symbol; a tick of an earlier millisecond that comes back later
    starts at 0 again and then replaces its twin in the ``prices`` table, which only out-of-order duplicates do.

    >>> numbers = SequenceNumbers()
    >>> first = numbers.number(Ticks.of(["A", "A", "B"], [5, 5, 5], [1.0, 2.0, 3.0]))
    >>> second = numbers.number(Ticks.of(["A"], [5], [4.0]))
    >>> first.sequence.tolist(), second.sequence.tolist()
    ([0, 1, 0], [2])
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def number(self, ticks: Ticks) -> Ticks:
        """The same ticks with ``sequence`` set."""
        if not len(ticks):
            return ticks
        order = np.lexsort((ticks.timestamp, ticks.code))
        code, timestamp = ticks.code[order], ticks.timestamp[order]
        starts = np.flatnonzero(np.r_[True, (code[1:] != code[:-1]) | (timestamp[1:] != timestamp[:-1])])
        lengths = np.diff(np.r_[starts, len(ticks)])
        carried = np.zeros(len(starts), np.int64)
        symbol_starts = np.flatnonzero(np.r_[True, np.diff(code[starts]) != 0])
        symbol_ends = np.r_[symbol_starts[1:], len(starts)] - 1
        for first, last in zip(symbol_starts.tolist(), symbol_ends.tolist(), strict=True):
            symbol = ticks.symbols[code[starts[first]]]
            known_timestamp, known_count = self._last.get(symbol, (-1, 0))
            carried[first : last + 1][timestamp[starts[first : last + 1]] == known_timestamp] = known_count
            newest = int(timestamp[starts[last]])
            if newest >= known_timestamp:
                self._last[symbol] = (newest, int(carried[last] + lengths[last]))
        sequence = np.empty(len(ticks), np.int32)
        sequence[order] = np.arange(len(ticks)) - np.repeat(starts - carried, lengths)
        return Ticks(ticks.symbols, ticks.code, ticks.timestamp, ticks.value, sequence)
