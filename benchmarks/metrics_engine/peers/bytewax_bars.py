"""bytewax: bars of one second, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import bytewax.operators as op
import numpy as np
from benchmarks.metrics_engine.check import compare
from benchmarks.metrics_engine.contest import Expected, Measured
from benchmarks.metrics_engine.plain import bars_of
from benchmarks.metrics_engine.workload import LATENESS_MS, START_SECOND, Workload
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.testing import TestingSink, TestingSource, run_main

Tick = tuple[str, tuple[datetime, int, float]]
EPOCH = datetime.fromtimestamp(START_SECOND, UTC)


class Bar:
    __slots__ = ("count", "first", "first_ms", "high", "last", "last_ms", "low", "total")

    def __init__(self) -> None:
        self.count, self.total, self.low, self.high = 0, 0.0, float("inf"), 0.0
        self.first_ms, self.last_ms = 2**62, -1
        self.first = self.last = 0.0


def _add(bar: Bar, tick: tuple[datetime, int, float]) -> Bar:
    _, timestamp, value = tick
    bar.count += 1
    bar.total += value
    if timestamp >= bar.last_ms:
        bar.last, bar.last_ms = value, timestamp
    if timestamp < bar.first_ms:
        bar.first, bar.first_ms = value, timestamp
    bar.low = min(bar.low, value)
    bar.high = max(bar.high, value)
    return bar


class BytewaxBars:
    """``fold_window`` with an event clock, given ``at_once`` micro-batches of the workload together."""

    scope = "bars with disorder and late ticks; no gaps, none of the other columns"
    must_be_right = False

    def __init__(self, symbols: int = 10**9, at_once: int = 1) -> None:
        self._symbols, self._at_once, self._batch = symbols, at_once, 1
        self.name = f"bytewax {version('bytewax')}, bars alone"
        of, batches = "all symbols", "the micro-batches of the workload"
        if at_once > 1:
            self.name += " at its best"
            of, batches = f"the first {symbols:,} symbols", f"as many ticks at once as {at_once} micro-batches have"
        self.note = f"`fold_window` over {of}, one worker, {batches}, late ticks taken out."

    def warm_up(self, workload: Workload, expected: Expected) -> None:
        pass

    def prepare(self, workload: Workload, round_number: int, expected: Expected) -> list[Tick]:
        ticks = workload.alone(round_number, self._symbols)
        per_batch = workload.tick_count(round_number) / workload.round_batches
        self._batch = round(per_batch * self._at_once)
        columns = (ticks.code.tolist(), ticks.timestamp.tolist(), ticks.value.tolist())
        return [
            (ticks.symbols[code], (EPOCH + timedelta(milliseconds=timestamp - START_SECOND * 1000), timestamp, value))
            for code, timestamp, value in zip(*columns, strict=True)
        ]

    def run(self, ticks: list[Tick]) -> list[tuple[str, tuple[int, Bar]]]:
        made: list[tuple[str, tuple[int, Bar]]] = []
        flow = Dataflow("bars")
        stream = op.input("ticks", flow, TestingSource(ticks, self._batch))
        clock: Any = windowing.EventClock(
            lambda tick: tick[0], wait_for_system_duration=timedelta(milliseconds=LATENESS_MS)
        )
        second = windowing.TumblingWindower(length=timedelta(seconds=1), align_to=EPOCH)
        out = windowing.fold_window("bars", stream, clock, second, Bar, _add, lambda one, _: one)
        op.output("made", out.down, TestingSink(made))
        run_main(flow)
        return made

    def check(
        self, result: list[tuple[str, tuple[int, Bar]]], workload: Workload, round_number: int, expected: Expected
    ) -> Measured:
        ticks = workload.alone(round_number, self._symbols)
        seconds = workload.seconds(round_number)
        wanted = bars_of(ticks, seconds.start, seconds.stop)
        number = {symbol: code for code, symbol in enumerate(ticks.symbols)}
        row = np.array([number[symbol] for symbol, _ in result])
        column = np.array([window - seconds.start for _, (window, _) in result])
        bars = [bar for _, (_, bar) in result]
        actual = {
            "FIRST": [bar.first for bar in bars],
            "LAST": [bar.last for bar in bars],
            "MIN": [bar.low for bar in bars],
            "MAX": [bar.high for bar in bars],
            "SUM": [bar.total for bar in bars],
            "DATA_POINT_COUNT": [bar.count for bar in bars],
        }
        present = {name: wanted[name][row, column] for name in actual}
        measured = Measured(len(ticks), 0)
        return measured.judged(
            compare({name: np.array(values) for name, values in actual.items()}, present, present["LAST"])
        )


def participants() -> list[BytewaxBars]:
    """The same micro-batches as everyone, and what suits it: fewer symbols, and ten times as many ticks at once."""
    return [BytewaxBars(), BytewaxBars(symbols=100, at_once=10)]
