"""One interleaved run: every participant in turn, round by round, in a rotating order; CPU time of one thread."""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from benchmarks.metrics_engine.check import RIGHT, Verdict, check_plain, worst
from benchmarks.metrics_engine.plain import Grid, bars_of_workload, rows_of
from benchmarks.metrics_engine.workload import Workload

REFERENCE_SYMBOLS = 4


@dataclass(frozen=True)
class Expected:
    """What a round must give: ``bars`` of all seconds from the first on, ``rows`` of the round's own."""

    bars: Grid
    rows: Grid


@dataclass(frozen=True)
class Measured:
    """How much a participant did in a round, and whether it was right."""

    ticks: int
    rows: int
    verdict: Verdict = RIGHT

    def judged(self, verdict: Verdict) -> Measured:
        return replace(self, verdict=verdict)


class Participant(Protocol):
    """One way to compute metrics. Only ``run`` is timed; it begins with data in the form that suits it best."""

    name: str
    scope: str
    note: str
    must_be_right: bool

    def warm_up(self, workload: Workload, expected: Expected) -> None: ...

    def prepare(self, workload: Workload, round_number: int, expected: Expected) -> Any: ...

    def run(self, prepared: Any) -> Any: ...

    def check(self, result: Any, workload: Workload, round_number: int, expected: Expected) -> Measured: ...


@dataclass
class Score:
    """The rounds of one participant."""

    participant: Participant
    seconds: list[float] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        return worst([one.verdict for one in self.measured])

    @property
    def us_per_tick(self) -> float | None:
        """Median over the rounds; ``None`` when it takes no ticks."""
        if not self.measured[0].ticks:
            return None
        return 1e6 * statistics.median(s / m.ticks for s, m in zip(self.seconds, self.measured, strict=True))

    @property
    def us_per_row(self) -> float | None:
        """Median over the rounds; ``None`` when what it makes are no metric rows."""
        if not self.measured[0].rows:
            return None
        return 1e6 * statistics.median(s / m.rows for s, m in zip(self.seconds, self.measured, strict=True))


def hold(workload: Workload, participants: Sequence[Participant]) -> list[Score]:
    """Warm everyone up, then time every round of everyone; each result is checked."""
    bars = bars_of_workload(workload)
    say(f"{workload.name}: warming up")
    for participant in participants:
        participant.warm_up(workload, Expected(bars, {}))
    scores = [Score(participant) for participant in participants]
    for number in range(workload.rounds):
        seconds = workload.seconds(number)
        expected = Expected(bars, rows_of(bars, seconds))
        if not number:
            verdict = check_plain(workload, expected.rows, seconds, min(REFERENCE_SYMBOLS, len(workload.symbols)))
            assert verdict.right, f"the plain recomputation is {verdict}"
        for position in range(len(scores)):
            score = scores[(position + number) % len(scores)]
            say(f"{workload.name}: round {number + 1} of {workload.rounds}, {score.participant.name}")
            prepared = score.participant.prepare(workload, number, expected)
            taken, result = cpu_seconds(score.participant, prepared)
            score.seconds.append(taken)
            score.measured.append(score.participant.check(result, workload, number, expected))
    say("")
    return scores


def cpu_seconds(participant: Participant, prepared: Any) -> tuple[float, Any]:
    """CPU seconds of one run, of all threads it may start, without pauses of the garbage collector; and its result.

    A participant that runs in another process has a ``clock`` of that process.
    """
    clock: Callable[[], float] = getattr(participant, "clock", time.process_time)
    gc.collect()
    gc.disable()
    began = clock()
    result = participant.run(prepared)
    taken = clock() - began
    gc.enable()
    return taken, result


def say(text: str) -> None:
    """Tell someone who waits at a terminal what is going on."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
