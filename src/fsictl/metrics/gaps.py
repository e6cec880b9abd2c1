"""Bars to rows: seconds without a tick are filled with the bar before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fsictl.metrics.bars import Bars
from fsictl.metrics.history import Owners, Part, numbers
from fsictl.metrics.state import SymbolStates
from fsictl.records.ticks import FloatArray, IntArray

Number = TypeVar("Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Seconds:
    """Consecutive seconds of some symbols, gaps filled; arrays have the shape [seconds, symbols].

    ``rows.present`` tells which of them are rows; elsewhere the numbers mean nothing. ``previous`` is the LAST of the
    bar before each.
    """

    rows: Part
    previous: FloatArray
    first: FloatArray
    low: FloatArray
    high: FloatArray
    first_ms: IntArray
    last_ms: IntArray


def fill(bars: Bars, states: SymbolStates, owners: Owners, second: int, seconds: int, max_gap: int) -> Seconds:
    """So many seconds of these symbols, from ``second`` on, each of which has a row in that time.

    ``bars`` are those with ticks, by second and then by symbol. A second without a tick repeats LAST as one synthetic
    point, until ``max_gap`` seconds after the last bar with ticks. The symbols' ``last``, ``last_real``,
    ``last_real_ms`` and ``last_second`` are brought up to the end of that time.
    """
    shape = (seconds, len(states.last[owners]))
    if isinstance(owners, slice) and len(bars) == seconds * shape[1]:
        return _ticks_everywhere(bars, states, owners, second, shape)
    cell, source = _cells(bars, owners, second, shape, states.number)

    def held(before: npt.NDArray[Number], values: npt.NDArray[Number]) -> npt.NDArray[Number]:
        return np.concatenate([before, values])[source]

    def with_bars(values: npt.NDArray[Number], otherwise: npt.NDArray[Number]) -> npt.NDArray[Number]:
        every = otherwise.copy()
        every.reshape(-1)[cell] = values
        return every

    last = held(states.last[owners], bars.last)
    last_ms = held(states.last_real_ms[owners], bars.last_ms)
    last_real = held(states.last_real[owners], bars.second)
    now = second + np.arange(seconds)[:, None]
    since = now - last_real[1:]
    present = (since <= max_gap) & (now > states.last_second[owners])
    is_whole = bool(present.all())
    filled = present & (since > 0)

    synthetic = last[1:] if is_whole else np.where(present, last[1:], 0.0)
    total, count = with_bars(bars.total, synthetic), with_bars(bars.count, present.astype(np.int64))
    rows = Part(present, last[1:], total, count, filled)
    newest = seconds - 1 if is_whole else seconds - 1 - present[::-1].argmax(axis=0)
    states.last[owners], states.last_real_ms[owners], states.last_real[owners] = last[-1], last_ms[-1], last_real[-1]
    states.last_second[owners] = second + newest
    return Seconds(
        rows,
        last[:-1],
        first=with_bars(bars.first, last[1:]),
        low=with_bars(bars.low, last[1:]),
        high=with_bars(bars.high, last[1:]),
        first_ms=with_bars(bars.first_ms, last_ms[1:]),
        last_ms=last_ms[1:],
    )


def _ticks_everywhere(bars: Bars, states: SymbolStates, owners: slice, second: int, shape: tuple[int, int]) -> Seconds:
    """As :func:`fill`, when every symbol has a tick in every second, as is usual in a busy market."""
    lasts = np.concatenate([states.last[owners], bars.last]).reshape(-1, shape[1])
    last_ms = bars.last_ms.reshape(shape)
    total, count = bars.total.reshape(shape), bars.count.reshape(shape)
    states.last[owners], states.last_real_ms[owners] = lasts[-1], last_ms[-1]
    states.last_real[owners] = states.last_second[owners] = second + shape[0] - 1
    return Seconds(
        Part(np.ones(shape, bool), lasts[1:], total, count, np.zeros(shape, bool)),
        lasts[:-1],
        first=bars.first.reshape(shape),
        low=bars.low.reshape(shape),
        high=bars.high.reshape(shape),
        first_ms=bars.first_ms.reshape(shape),
        last_ms=last_ms,
    )


def _cells(bars: Bars, owners: Owners, second: int, shape: tuple[int, int], symbols: int) -> tuple[IntArray, IntArray]:
    """Where each bar belongs, in a flat array; and for each second what is known there.

    That is a position among what was known before and then the bars, with the shape [1 + seconds, symbols]: a second
    without ticks has the one above it.
    """
    who, width = numbers(owners), shape[1]
    column = np.empty(symbols, np.int64)
    column[who] = np.arange(width)
    cell = (bars.second - second) * width + column[bars.owner]
    source = np.zeros((1 + shape[0], width), np.int64)
    source[0] = np.arange(width)
    source.reshape(-1)[width + cell] = width + np.arange(len(bars))
    return cell, np.maximum.accumulate(source, axis=0)
