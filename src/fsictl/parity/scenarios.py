"""Scenarios: the same ticks, delivered in the ways that could make engines differ."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fsictl.prices.simulate import simulate
from fsictl.records.ticks import IntArray, SequenceNumbers, Ticks

if TYPE_CHECKING:
    import pyarrow as pa

Delivery = tuple[Ticks, ...]
"""Messages that arrive together; afterwards the watermark is brought up to date."""

SYMBOLS = ("EURUSD", "USDJPY", "GBPUSD", "CADJPY")
"""Pairs of the simulated prices; CADJPY is sparse, so that it has gaps."""

SILENT = "GBPUSD"
"""The simulated pair that says nothing in the middle third, which is longer than gaps are filled."""

_LATE_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Scenario:
    """Deliveries in order. ``restores``: between them, the local engine goes through its stored state."""

    name: str
    deliveries: Sequence[Delivery]
    restores: bool = False

    @property
    def ticks(self) -> int:
        """How many ticks are delivered."""
        return sum(len(message) for delivery in self.deliveries for message in delivery)


def simulated_prices(*, seed: int, start_ms: int, duration: float, hz: float = 5.0) -> Ticks:
    """Simulated ticks in order, with gaps and a long silence."""
    ticks = Ticks.concat(list(simulate(SYMBOLS, hz=hz, seed=seed, start_ms=start_ms, duration=duration)))
    into = (ticks.timestamp - start_ms) / (1000 * duration)
    is_silent = (ticks.code == ticks.symbols.index(SILENT)) & (into > 1 / 3) & (into < 2 / 3)
    return ticks.take(~is_silent)


def scenarios_of(ticks: Ticks, *, seed: int, allowed_lateness: float) -> list[Scenario]:
    """Every scenario of these ticks; ``allowed_lateness`` (seconds) is how far one may come behind a later one.

    Ticks of one symbol in the same millisecond stay in their order, because that order is part of their meaning.

    >>> ticks = Ticks.of(["A"] * 50, range(0, 50_000, 1000), [1.0] * 50)
    >>> [(each.name, each.ticks) for each in scenarios_of(ticks, seed=1, allowed_lateness=2.0)][:2]
    [('in order', 50), ('other batches', 50)]
    """
    numbered = SequenceNumbers().number(ticks.take(np.argsort(ticks.timestamp, kind="stable")))
    rng = np.random.default_rng(seed)
    shuffled = _delayed(numbered, _delays(numbered, rng, allowed_lateness))
    delays = _delays(numbered, rng, allowed_lateness)
    delays += _lateness(numbered, rng, allowed_lateness)
    return [
        Scenario("in order", _by_time(numbered, 5_000)),
        Scenario("other batches", _at_random(numbered, rng)),
        Scenario("shuffled", _at_random(shuffled, rng), restores=True),
        Scenario("late ticks", _at_random(_delayed(numbered, delays), rng), restores=True),
    ]


def _lateness(ticks: Ticks, rng: np.random.Generator, allowed_lateness: float) -> IntArray:
    """Milliseconds that a few ticks come later than they may, 0 for the others; the same for equal timestamps."""
    moments, place = np.unique(ticks.timestamp, return_inverse=True)
    most = round(allowed_lateness * 1000)
    behind = rng.integers(most, most + 20_000, len(moments))
    return np.where(rng.random(len(moments)) < _LATE_SHARE, behind, 0)[place]


def _delays(ticks: Ticks, rng: np.random.Generator, allowed_lateness: float) -> IntArray:
    """Milliseconds below the lateness, the same for equal timestamps."""
    moments, place = np.unique(ticks.timestamp, return_inverse=True)
    return rng.integers(0, max(1, round(allowed_lateness * 1000)), len(moments))[place]


def rows_by_time(rows: pa.Table, *, step_ms: int = 10_000, parts: int = 3) -> list[list[pa.Table]]:
    """Metrics rows in the order of event time: for every ``step_ms`` a delivery of ``parts`` messages."""
    rows = rows.sort_by("timestamp")
    cuts = np.flatnonzero(np.diff(rows.column("timestamp").to_numpy() // step_ms)) + 1
    deliveries = []
    for first, end in itertools.pairwise([0, *cuts.tolist(), rows.num_rows]):
        inside = np.linspace(first, end, parts + 1).astype(int).tolist()
        deliveries.append([rows.slice(a, b - a) for a, b in itertools.pairwise(inside) if b > a])
    return deliveries


def _delayed(ticks: Ticks, delays: IntArray) -> Ticks:
    return ticks.take(np.argsort(ticks.timestamp + delays, kind="stable"))


def _by_time(ticks: Ticks, step_ms: int) -> list[Delivery]:
    """One message for every ``step_ms`` of event time."""
    cuts = np.flatnonzero(np.diff(ticks.timestamp // step_ms)) + 1
    return [(part,) for part in _cut(ticks, cuts)]


def _at_random(ticks: Ticks, rng: np.random.Generator) -> list[Delivery]:
    """Deliveries of one to four messages; a message has one tick, a few, or up to a twentieth of all."""
    sizes = rng.choice([1, 3, 1 + len(ticks) // 60, 1 + len(ticks) // 20], len(ticks))
    cuts = np.cumsum(sizes)
    parts = _cut(ticks, cuts[cuts < len(ticks)])
    deliveries = []
    while parts:
        count = int(rng.integers(1, 5))
        deliveries.append(tuple(parts[:count]))
        parts = parts[count:]
    return deliveries


def _cut(ticks: Ticks, cuts: IntArray) -> list[Ticks]:
    edges = [0, *cuts.tolist(), len(ticks)]
    return [ticks.take(slice(a, b)) for a, b in itertools.pairwise(edges) if b > a]
