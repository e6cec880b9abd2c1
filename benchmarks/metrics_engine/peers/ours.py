"""The engine of this project, as the pipelines drive it."""

from __future__ import annotations

import numpy as np
from benchmarks.metrics_engine.check import Verdict, compare
from benchmarks.metrics_engine.contest import Expected, Measured
from benchmarks.metrics_engine.workload import START_SECOND, Workload

from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import Ticks

Batch = tuple[Ticks, int]


class Ours:
    """``process`` and ``on_watermark`` with every micro-batch."""

    name = "fsictl"
    scope = "bars, gaps, late ticks, all 28 columns"
    must_be_right = True
    note = ""

    def __init__(self) -> None:
        self._operator = MetricsOperator(MetricsParameters())
        self.snapshot_bytes_per_symbol = 0.0

    def warm_up(self, workload: Workload, _expected: Expected) -> None:
        for batch, watermark in self.prepare(workload, -1):
            self._operator.process(batch)
            self._operator.on_watermark(watermark)
        self.snapshot_bytes_per_symbol = len(self._operator.snapshot()) / len(workload.symbols)

    def prepare(self, workload: Workload, round_number: int, _expected: Expected | None = None) -> list[Batch]:
        return [(workload.batch(n), int(workload.watermarks[n])) for n in workload.batches(round_number)]

    def run(self, batches: list[Batch]) -> tuple[list[MetricsBlock], int]:
        blocks, late = [], 0
        for batch, watermark in batches:
            late += len(self._operator.process(batch))
            blocks.append(self._operator.on_watermark(watermark))
        return blocks, late

    def check(
        self, result: tuple[list[MetricsBlock], int], workload: Workload, round_number: int, expected: Expected
    ) -> Measured:
        blocks, late = result
        joined = MetricsBlock.concat([block for block in blocks if len(block)])
        seconds = workload.seconds(round_number)
        measured = Measured(workload.tick_count(round_number), len(joined))
        if late != workload.late_count(round_number):
            return measured.judged(Verdict(np.inf, f"{late} late ticks"))
        if len(joined) != len(workload.symbols) * len(seconds):
            return measured.judged(Verdict(np.inf, f"{len(joined)} rows"))
        number = {symbol: code for code, symbol in enumerate(workload.symbols)}
        row = np.array([number[symbol] for symbol in joined.symbols])[joined.code]
        column = joined.columns["endTimestamp"] - 1 - START_SECOND - seconds.start
        actual = {}
        for name, values in joined.columns.items():
            if name in expected.rows:
                grid = np.zeros((len(workload.symbols), len(seconds)), values.dtype)
                grid[row, column] = values
                actual[name] = grid
        return measured.judged(compare(actual, expected.rows, expected.rows["LAST"]))
