"""Bars to rows: every bar that has ticks is followed by its filled seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fsictl.metrics.bars import Bars
from fsictl.metrics.kernel import BoolArray
from fsictl.metrics.state import SymbolStates
from fsictl.records.ticks import FloatArray, IntArray

_NO_NEXT = 2**62


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Closed seconds as columns, by owner and then by second; ``filled`` ones repeat the bar before them."""

    bars: Bars
    filled: BoolArray


def closed_rows(bars: Bars, states: SymbolStates, owners: IntArray, newest_second: int, max_gap: int) -> Rows:
    """The rows that closing everything up to ``newest_second`` adds for these symbols (sorted).

    ``bars`` are their bars with ticks that close now. A second without a tick repeats LAST as one synthetic point,
    until ``max_gap`` seconds after the last bar that has ticks.
    """
    started = owners[states.is_started(owners)]
    every = Bars.concat([_known_bars(states, started), bars])
    every = every.take(np.argsort(every.owner, kind="stable"))  # a symbol's known bar comes before its new ones
    is_new = every.count > 0
    emitted = every.second.copy()
    emitted[~is_new] = states.last_second[started]

    following = np.full(len(every), _NO_NEXT, np.int64)
    same = every.owner[1:] == every.owner[:-1]
    following[:-1][same] = every.second[1:][same]
    fill_until = np.minimum(np.minimum(every.second + max_gap, following - 1), newest_second)
    fills = np.maximum(fill_until - emitted, 0)

    lengths = fills + is_new
    source = np.repeat(np.arange(len(every)), lengths)
    offset = np.arange(len(source)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    filled = (offset > 0) | ~is_new[source]
    last, last_ms = every.last[source], every.last_ms[source]

    def where_real(values: FloatArray) -> FloatArray:
        return np.where(filled, last, values[source])

    return Rows(
        Bars(
            owner=every.owner[source],
            second=emitted[source] + offset + ~is_new[source],
            first=where_real(every.first),
            last=last,
            first_ms=np.where(filled, last_ms, every.first_ms[source]),
            last_ms=last_ms,
            low=where_real(every.low),
            high=where_real(every.high),
            total=where_real(every.total),
            count=np.where(filled, 1, every.count[source]),
        ),
        filled,
    )


def _known_bars(states: SymbolStates, owners: IntArray) -> Bars:
    """The last bar with ticks of each symbol, whose row is out already; its count is 0 to tell it apart."""
    last, last_ms = states.history.last[owners, -1], states.last_real_ms[owners]
    nothing = np.zeros(len(owners), np.int64)
    return Bars(owners, states.last_real[owners], last, last, last_ms, last_ms, last, last, last, nothing)
