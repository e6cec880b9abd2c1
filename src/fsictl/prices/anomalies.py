"""Labelled anomalies put into ticks, to measure how well they are found.

Sizes are relative to the volatility that a symbol had just before: v, the root mean square of its one-second price
changes over the last 300 s. ``severity`` scales them.

=======  ==========  ====================================================================================
kind     label, s    what happens
=======  ==========  ====================================================================================
spike    1–3         the price is off by 5–12 v
burst    30–90       noise of 2.5–5 v a second on top, back where it would have been at the end
drift    45–120      0.7–1.6 v a second in one direction; fades away over ten minutes
stale    20–90       no ticks
shift    1           the price jumps by 6–15 v, stays there for ten minutes, and comes back over five
=======  ==========  ====================================================================================

The label covers what is anomalous; the way back after ``drift`` and ``shift`` is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fsictl.prices.pairs import PAIRS
from fsictl.records.ticks import FloatArray, IntArray, Ticks

KINDS = ("spike", "burst", "drift", "stale", "shift")
"""The kinds of anomalies."""

AFTERMATH_MS = 900_000
"""No effect of an anomaly reaches further beyond the end of its label."""

_LABEL_SECONDS = {"spike": (1, 3), "burst": (30, 90), "drift": (45, 120), "stale": (20, 90), "shift": (1, 1)}
_VOLATILITY_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A label: that kind of anomaly in ``[start_ms, end_ms)`` of one symbol."""

    symbol: str
    start_ms: int
    end_ms: int
    kind: str


def plan(
    symbols: Iterable[str],
    start_ms: int,
    end_ms: int,
    *,
    seed: int,
    every: float = 1800.0,
    kinds: tuple[str, ...] = KINDS,
) -> list[Anomaly]:
    """Anomalies at random times in ``[start_ms, end_ms)``, all kinds in turn, in order of symbol and time.

    The first comes after the 300 s that its size is measured on, each next one after the aftermath of the one
    before, and then after ``every`` seconds on average.
    """
    anomalies = []
    for symbol in symbols:
        rng = np.random.default_rng((seed, int.from_bytes(symbol.encode(), "big")))
        turn = int(rng.integers(len(kinds)))
        begin = start_ms + _VOLATILITY_SECONDS * 1000 + int(rng.exponential(every) * 1000)
        while True:
            kind = kinds[turn % len(kinds)]
            least, most = _LABEL_SECONDS[kind]
            end = begin + int(rng.integers(least, most + 1)) * 1000
            if end > end_ms:
                break
            anomalies.append(Anomaly(symbol, begin, end, kind))
            turn += 1
            begin = end + AFTERMATH_MS + int(rng.exponential(every) * 1000)
    return anomalies


def apply(ticks: Ticks, anomalies: Iterable[Anomaly], *, seed: int, severity: float = 1.0) -> Ticks:
    """The ticks, in order of time, with those anomalies in them; prices stay above zero and on the pair's grid.

    An anomaly whose symbol did not move in the 300 s before it has size zero.
    """
    value, keep = ticks.value.copy(), np.ones(len(ticks), bool)
    codes = {symbol: code for code, symbol in enumerate(ticks.symbols)}
    for anomaly in anomalies:
        if anomaly.symbol not in codes:
            continue
        name = int.from_bytes(anomaly.symbol.encode(), "big")
        rng = np.random.default_rng((seed, name, max(anomaly.start_ms, 0)))
        before = anomaly.start_ms - _VOLATILITY_SECONDS * 1000
        first, last = np.searchsorted(ticks.timestamp, [before, anomaly.end_ms + AFTERMATH_MS])
        mine = first + np.flatnonzero(ticks.code[first:last] == codes[anomaly.symbol])
        seconds = (ticks.timestamp[mine] - anomaly.start_ms) / 1000.0
        length = (anomaly.end_ms - anomaly.start_ms) / 1000.0
        if anomaly.kind == "stale":
            keep[mine[(seconds >= 0.0) & (seconds < length)]] = False
            continue
        size = severity * _volatility(ticks.timestamp[mine], ticks.value[mine], anomaly.start_ms)
        value[mine] += size * _shape(anomaly.kind, seconds, length, rng)
        _on_grid(value, mine, anomaly.symbol)
    changed = Ticks(ticks.symbols, ticks.code, ticks.timestamp, value, ticks.sequence)
    return changed if keep.all() else changed.take(keep)


def _volatility(timestamp: IntArray, value: FloatArray, before_ms: int) -> float:
    earlier = timestamp < before_ms
    second = timestamp[earlier] // 1000
    closes = value[earlier][np.flatnonzero(np.diff(second, append=-1))]
    if len(closes) < 2:
        return 0.0
    span = max(int(second[-1] - second[0]), 1)  # a second without ticks is one without change
    return float(np.sqrt(np.sum(np.diff(closes) ** 2) / span))


def _shape(kind: str, seconds: FloatArray, length: float, rng: np.random.Generator) -> FloatArray:
    """What is added to the prices at those times since the start, in units of the volatility."""
    inside, after = (seconds >= 0.0) & (seconds < length), seconds - length
    sign = 1.0 if rng.random() < 0.5 else -1.0
    if kind == "spike":
        return np.where(inside, sign * rng.uniform(5.0, 12.0), 0.0)
    if kind == "burst":
        steps = np.sqrt(np.diff(seconds[inside], prepend=0.0))
        walk = np.cumsum(rng.standard_t(4, len(steps)) / np.sqrt(2.0) * steps) * rng.uniform(2.5, 5.0)
        shape = np.zeros(len(seconds))
        if len(walk):
            shape[inside] = walk - walk[-1] * seconds[inside] / seconds[inside][-1]
        return shape
    if kind == "drift":
        end = sign * rng.uniform(0.7, 1.6) * length
        fade = np.exp(-np.maximum(after, 0.0) / 150.0) * (after < 600.0)
        return np.where(seconds < 0.0, 0.0, np.where(inside, end * seconds / length, end * fade))
    level = sign * rng.uniform(6.0, 15.0)
    return np.where(seconds < 0.0, 0.0, level * np.clip(1.0 - (after - 600.0) / 300.0, 0.0, 1.0))


def _on_grid(value: FloatArray, where: IntArray, symbol: str) -> None:
    pair = PAIRS.get(symbol)
    if pair is None:
        value[where] = np.maximum(value[where], np.finfo(float).tiny)
    else:
        value[where] = np.maximum(np.round(value[where], pair.decimals), pair.tick_size)
