"""A day of 17 symbols at once: what a backfill does."""

from __future__ import annotations

import numpy as np
from benchmarks.metrics_engine.check import Verdict, compare, worst
from benchmarks.metrics_engine.contest import Expected, Measured, Participant, Score, cpu_seconds, say
from benchmarks.metrics_engine.peers.per_tick import PerTick
from benchmarks.metrics_engine.plain import bars_of, bars_of_workload, rows_of, sampled
from benchmarks.metrics_engine.workload import START_SECOND, Workload, make_workload

from fsictl.metrics.backfill import backfill
from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import Ticks

SYMBOLS = 17


class Backfill:
    """``backfill`` over all ticks of the round. ``expected.rows`` are those of the sampled seconds."""

    name = "fsictl, backfill"
    scope = "bars, gaps, disorder, all 28 columns"
    must_be_right = True
    note = ""

    def warm_up(self, workload: Workload, expected: Expected) -> None:
        pass

    def prepare(self, workload: Workload, round_number: int, expected: Expected) -> Ticks:
        return workload.alone(round_number, SYMBOLS)

    def run(self, ticks: Ticks) -> list[MetricsBlock]:
        return list(backfill(ticks, MetricsParameters()))

    def check(self, result: list[MetricsBlock], workload: Workload, round_number: int, expected: Expected) -> Measured:
        seconds = workload.seconds(round_number)
        chosen = sampled(len(seconds))
        verdicts = []
        for block in result:
            code = np.array([workload.symbols.index(symbol) for symbol in block.symbols])[block.code]
            second = block.columns["endTimestamp"] - 1 - START_SECOND - seconds.start
            inside = second < len(seconds)  # every symbol fills up after its last tick
            bars = {name: grid[code[inside], second[inside]] for name, grid in expected.bars.items()}
            verdicts.append(compare({name: block.columns[name][inside] for name in bars}, bars, bars["LAST"]))
            looked_at = np.isin(second, chosen)
            at = np.searchsorted(chosen, second[looked_at])
            rows = {name: grid[code[looked_at], at] for name, grid in expected.rows.items()}
            verdicts.append(compare({name: block.columns[name][looked_at] for name in rows}, rows, rows["LAST"]))
        count = sum(map(len, result))
        if not len(seconds) <= count / SYMBOLS <= len(seconds) + 60:
            verdicts.append(Verdict(np.inf, f"{count} rows"))
        return Measured(workload.alone_count(round_number, SYMBOLS), count, worst(verdicts))


def hold_catch_up(hours: float, rounds: int, peers: list[Participant]) -> tuple[Workload, list[Score]]:
    """Everyone does the same hours ``rounds`` times; plain Python does at most one of them, tick by tick."""
    length = round(hours * 3600)
    day = make_workload(f"17 symbols × {hours:g} h catch-up", symbols=SYMBOLS, hz=10, seconds=length, rounds=1)
    hour = make_workload("an hour", symbols=SYMBOLS, hz=10, seconds=min(length, 3600), rounds=1)
    per_tick = PerTick()
    per_tick.name += ", one hour"
    seconds = day.seconds(0)
    bars = bars_of(day.alone(0, SYMBOLS), seconds.start, seconds.stop)
    of_day = Expected(bars, rows_of(bars, sampled(len(seconds))))
    bars = bars_of_workload(hour)
    of_hour = Expected(bars, rows_of(bars, hour.seconds(0)))
    tasks: list[tuple[Participant, Workload, Expected]] = [
        (Backfill(), day, of_day),
        (per_tick, hour, of_hour),
        *((peer, day, of_day) for peer in peers),
    ]
    inputs = [participant.prepare(workload, 0, expected) for participant, workload, expected in tasks]
    scores = [Score(participant) for participant, _, _ in tasks]
    for number in range(rounds):
        for position in range(len(tasks)):
            turn = (position + number) % len(tasks)
            participant, workload, expected = tasks[turn]
            say(f"{day.name}: round {number + 1} of {rounds}, {participant.name}")
            participant.warm_up(workload, expected)
            taken, result = cpu_seconds(participant, inputs[turn])
            scores[turn].seconds.append(taken)
            scores[turn].measured.append(participant.check(result, workload, 0, expected))
            del result
    say("")
    return day, scores
