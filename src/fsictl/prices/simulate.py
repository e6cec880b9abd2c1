"""Simulated prices of currency pairs: seeded, irregular in time, and the same however they are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from fsictl.errors import InputError
from fsictl.prices.arrivals import arrival_times
from fsictl.prices.noise import SkewedT
from fsictl.prices.pairs import PAIRS, pair_of
from fsictl.prices.process import Ckls
from fsictl.prices.regimes import RegimeLaw, Regimes
from fsictl.records.ticks import FloatArray, IntArray, Ticks

CHUNK_SECONDS = 60.0
"""Random numbers are drawn for this much event time at once, whatever the caller takes."""

_CHUNK_MS = 60_000
_LONGEST_GAP = 1e6  # seconds; everything is forgotten after it


class _PairSeries:
    """The prices of one pair, a chunk of event time after the other, from random streams of its own."""

    def __init__(self, symbol: str, hz: float, seed: int, law: RegimeLaw | None) -> None:
        self._pair = pair_of(symbol)
        entropy = np.random.SeedSequence((seed, int.from_bytes(symbol.encode(), "big")))
        self._arrivals, self._shocks, regimes = (np.random.default_rng(part) for part in entropy.spawn(3))
        self._regimes = Regimes(regimes, law)
        self._rate = hz * self._pair.activity
        self._noise = SkewedT()
        self._process = Ckls()
        self._chunks = 0
        self._since_tick = 0.0
        self._x = self._pair.start

    def next_chunk(self) -> tuple[IntArray, FloatArray]:
        """Milliseconds since the start of the series, and prices, of the next chunk."""
        begin = self._chunks * CHUNK_SECONDS
        self._chunks += 1
        times = arrival_times(self._arrivals, self._rate, CHUNK_SECONDS)
        if not len(times):
            self._since_tick += CHUNK_SECONDS
            return np.empty(0, np.int64), np.empty(0)
        gaps = np.diff(times, prepend=-min(self._since_tick, _LONGEST_GAP))
        self._since_tick = CHUNK_SECONDS - float(times[-1])
        volatility, drift = self._regimes.at(begin + times)
        path = self._process.path(
            self._x,
            self._pair.start,
            gaps,
            self._noise.draw(self._shocks, len(times)),
            scale=self._noise.scale,
            volatility=volatility,
            drift=drift,
            floor=self._pair.tick_size,
        )
        self._x = float(path[-1])
        return (times * 1000.0).astype(np.int64) + round(begin * 1000), np.round(path, self._pair.decimals)


class Simulator:
    """Endless prices of some pairs from ``start_ms`` on, a minute of event time at a time.

    The same arguments give the same prices. Every symbol has random streams of its own: another symbol beside
    it changes nothing. ``hz`` is the mean number of ticks a second and symbol (a tenth of it for CADJPY).

    Raises ``InputError`` for symbols that cannot be simulated, a rate that is not above zero and a seed below it.
    """

    def __init__(
        self,
        symbols: Sequence[str] = tuple(PAIRS),
        *,
        hz: float = 10.0,
        seed: int = 1,
        start_ms: int = 0,
        regimes: RegimeLaw | None = None,
    ) -> None:
        if not symbols:
            message = "no symbol to simulate"
            raise InputError(message, hint=f"Name at least one of {', '.join(PAIRS)}.")
        if not (math.isfinite(hz) and hz > 0):
            message = f"{hz} ticks a second cannot be simulated"
            raise InputError(message, hint="Give a rate above zero, for example 10.")
        if seed < 0:
            message = f"the seed {seed} is below zero"
            raise InputError(message, hint="Give a seed of zero or more.")
        self.symbols = tuple(dict.fromkeys(symbols))
        self._series = [_PairSeries(symbol, hz, seed, regimes) for symbol in self.symbols]
        self._start_ms = start_ms

    def next_chunk(self) -> Ticks:
        """The ticks of the next 60 s, ordered by time; equal times in the order of ``symbols``."""
        parts = [series.next_chunk() for series in self._series]
        timestamp = np.concatenate([part[0] for part in parts])
        code = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part[0]) for part in parts])
        order = np.argsort(timestamp, kind="stable")
        return Ticks(
            self.symbols,
            code[order],
            timestamp[order] + self._start_ms,
            np.concatenate([part[1] for part in parts])[order],
            np.zeros(len(order), np.int32),
        )


def simulate(
    symbols: Sequence[str] = tuple(PAIRS),
    *,
    hz: float = 10.0,
    seed: int = 1,
    start_ms: int = 0,
    duration: float | None = None,
    block_seconds: float = CHUNK_SECONDS,
    regimes: RegimeLaw | None = None,
) -> Iterator[Ticks]:
    """Blocks of ``block_seconds`` of event time, for ``duration`` seconds of event time or without end.

    The ticks do not depend on ``block_seconds``: a history drawn by the hour and its live continuation drawn by
    the second are one series. A block without ticks is left out.

    >>> blocks = list(simulate(["EURUSD"], hz=1.0, duration=120.0))
    >>> len(blocks), blocks[0].symbols, bool(blocks[0].timestamp[-1] < 60_000 <= blocks[1].timestamp[0])
    (2, ('EURUSD',), True)
    """
    simulator = Simulator(symbols, hz=hz, seed=seed, start_ms=start_ms, regimes=regimes)
    if not block_seconds > 0:
        message = f"a block of {block_seconds} seconds is none"
        raise InputError(message, hint="Give a length above zero.")
    end_ms = None if duration is None else start_ms + round(duration * 1000)
    return _blocks(simulator, start_ms, end_ms, max(1, round(block_seconds * 1000)))


def _blocks(simulator: Simulator, start_ms: int, end_ms: int | None, block_ms: int) -> Iterator[Ticks]:
    waiting: list[Ticks] = []  # ticks of the block that the chunks so far have not completed
    drawn_ms, block_end = start_ms, start_ms + block_ms
    while end_ms is None or drawn_ms < end_ms:
        chunk = simulator.next_chunk()
        drawn_ms += _CHUNK_MS
        if end_ms is not None and drawn_ms > end_ms:
            chunk = chunk.take(slice(0, int(np.searchsorted(chunk.timestamp, end_ms))))
        first = 0
        while block_end <= drawn_ms:
            cut = int(np.searchsorted(chunk.timestamp, block_end))
            yield from _joined([*waiting, chunk.take(slice(first, cut))])
            waiting, first, block_end = [], cut, block_end + block_ms
        waiting.append(chunk.take(slice(first, None)))
    yield from _joined(waiting)


def _joined(parts: list[Ticks]) -> Iterator[Ticks]:
    block = Ticks.concat([part for part in parts if len(part)])
    if len(block):
        yield block
