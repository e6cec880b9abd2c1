"""Ticks with disorder and late ones, cut into micro-batches; the same for every participant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fsictl.records.ticks import FloatArray, IntArray, Ticks

BoolArray = npt.NDArray[np.bool_]

START_SECOND = 1_700_000_000
WARM_UP_SECONDS = 305
LATENESS_MS = 2_000
OPEN_SECONDS = LATENESS_MS // 1000 + 2
JITTERED, JITTER_MS = 0.02, 400
LATE, LATE_MS = 0.001, (5_000, 9_000)


@dataclass(frozen=True)
class Workload:
    """Ticks in order of arrival, and the watermark after each micro-batch.

    ``late[i]`` says whether tick ``i`` arrives after its second has closed. Batch ``b`` holds the ticks from
    ``edges[b]`` to ``edges[b + 1]``; the first ``warm_batches`` are not measured, every ``round_batches`` after
    them are a round.
    """

    name: str
    ticks: Ticks
    late: BoolArray
    edges: IntArray
    watermarks: IntArray
    warm_batches: int
    round_batches: int
    rounds: int

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.ticks.symbols

    def batches(self, round_number: int) -> range:
        """The numbers of a round's batches; round −1 is the warm-up."""
        if round_number < 0:
            return range(self.warm_batches)
        start = self.warm_batches + round_number * self.round_batches
        return range(start, start + self.round_batches)

    def batch(self, number: int) -> Ticks:
        return self.ticks.take(slice(int(self.edges[number]), int(self.edges[number + 1])))

    def tick_count(self, round_number: int) -> int:
        numbers = self.batches(round_number)
        return int(self.edges[numbers.stop] - self.edges[numbers.start])

    def late_count(self, round_number: int) -> int:
        numbers = self.batches(round_number)
        return int(self.late[self.edges[numbers.start] : self.edges[numbers.stop]].sum())

    def seconds(self, round_number: int) -> range:
        """The seconds that close in a round, counted from the first of all."""
        numbers = self.batches(round_number)
        start = int(self.watermarks[numbers.start - 1]) // 1000 if numbers.start else START_SECOND
        return range(start - START_SECOND, int(self.watermarks[numbers.stop - 1]) // 1000 - START_SECOND)

    def alone(self, round_number: int, symbols: int) -> Ticks:
        """The ticks of the seconds that close in this round without the late ones, as one batch in order of arrival.

        For peers that begin anew with every round and do not know late ticks. Only of the first ``symbols`` symbols.
        """
        part = self.ticks.take(self._alone(round_number, symbols))
        return Ticks(part.symbols[:symbols], part.code, part.timestamp, part.value, part.sequence)

    def alone_count(self, round_number: int, symbols: int) -> int:
        """The number of those."""
        return int(self._alone(round_number, symbols).sum())

    def _alone(self, round_number: int, symbols: int) -> BoolArray:
        seconds = self.seconds(round_number)
        inside = (self._second >= seconds.start) & (self._second < seconds.stop)
        return inside & ~self.late & (self.ticks.code < symbols)

    @cached_property
    def _second(self) -> IntArray:
        return self.ticks.timestamp // 1000 - START_SECOND


def make_workload(
    name: str, *, symbols: int, hz: float, seconds: int, rounds: int, batch_ms: int = 1_000, seed: int = 1
) -> Workload:
    """``symbols`` random walks: a warm-up at 1 Hz each, then ``rounds`` times ``seconds`` at ``hz``.

    The last seconds of the warm-up have ``hz`` too, because the first round begins with those that are still open.
    """
    random = np.random.default_rng(seed)
    warm_up = np.hstack(
        [
            random.integers(0, 1_000, (symbols, 1)),  # every symbol begins in the first second
            random.integers(0, WARM_UP_SECONDS * 1_000, (symbols, WARM_UP_SECONDS)),
        ]
    )
    start = (WARM_UP_SECONDS - OPEN_SECONDS) * 1_000
    span = (seconds * rounds + 2 * OPEN_SECONDS) * 1_000
    measured = start + random.integers(0, span, (symbols, round(hz * span / 1_000)))
    offset = np.sort(np.hstack([warm_up, measured]), axis=1)
    value = _walks(offset.shape, random)

    code = np.repeat(np.arange(symbols, dtype=np.int32), offset.shape[1])
    in_first_second = offset.ravel() < 1_000
    arrival = offset.ravel().astype(float)
    jittered = random.random(len(arrival)) < JITTERED
    arrival[jittered] += random.uniform(0, JITTER_MS, jittered.sum())
    late = (random.random(len(arrival)) < LATE) & ~in_first_second
    arrival[late] += random.uniform(*LATE_MS, late.sum())
    order = np.argsort(arrival, kind="stable")

    timestamp = START_SECOND * 1_000 + offset.ravel()[order]
    names = tuple(f"S{number:05}" for number in range(symbols))
    ticks = Ticks(names, code[order], timestamp, value.ravel()[order], np.zeros(len(order), np.int32))
    warm_batches, round_batches = WARM_UP_SECONDS * 1_000 // batch_ms, seconds * 1_000 // batch_ms
    ends = np.arange(warm_batches + rounds * round_batches + 1) * batch_ms
    edges = np.searchsorted(arrival[order], ends)
    newest = np.maximum.accumulate(timestamp)
    watermarks = newest[edges[1:] - 1] - LATENESS_MS
    return Workload(name, ticks, late[order], edges, watermarks, warm_batches, round_batches, rounds)


def _walks(shape: tuple[int, int], random: np.random.Generator) -> FloatArray:
    """Prices from 0.7 to 150 that move by a hundred-thousandth, or not, with every tick."""
    start = np.exp(random.uniform(np.log(0.7), np.log(150), (shape[0], 1)))
    digits = np.where(start > 20, 3, 5)
    points = np.round(start * 10.0**digits) + np.cumsum(random.integers(-1, 2, shape, np.int8), axis=1, dtype=np.int32)
    return points / 10.0**digits
