"""The engine given what the libraries of indicators are given: finished closes, each as one tick of its second."""

from __future__ import annotations

import numpy as np
from benchmarks.metrics_engine.check import compare
from benchmarks.metrics_engine.contest import Expected, Measured
from benchmarks.metrics_engine.plain import RSI_OF_THE_WINDOW, rows_of_closes
from benchmarks.metrics_engine.workload import START_SECOND, Workload

from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import Ticks

COLUMNS = {
    "SMA": "SIMPLE_MOVING_AVERAGE",
    "EMA": "EXPONENTIAL_MOVING_AVERAGE",
    "STD": "STANDARD_DEVIATION",
    RSI_OF_THE_WINDOW: "RELATIVE_STRENGTH_INDICATOR",
    "upper band": "BB_UPPER_BAND_SMA",
    "lower band": "BB_BOTTOM_BAND_SMA",
}


class OursOfCloses:
    """``process`` and ``on_watermark`` with the closes of every second."""

    name = "fsictl, of ready closes"
    scope = "all 28 columns, of bars of one tick"
    note = "What compares with libraries of indicators: its rows per second are what the targets per row mean."
    must_be_right = True

    def __init__(self) -> None:
        self._operator = MetricsOperator(MetricsParameters())

    def warm_up(self, workload: Workload, expected: Expected) -> None:
        self.run(self._seconds(workload, expected, range(workload.seconds(0).start)))

    def prepare(self, workload: Workload, round_number: int, expected: Expected) -> list[Ticks]:
        return self._seconds(workload, expected, workload.seconds(round_number))

    def run(self, seconds: list[Ticks]) -> list[MetricsBlock]:
        blocks = []
        for ticks in seconds:
            self._operator.process(ticks)
            blocks.append(self._operator.on_watermark(int(ticks.timestamp[0]) + 1_000))
        return blocks

    def check(self, result: list[MetricsBlock], workload: Workload, round_number: int, expected: Expected) -> Measured:
        seconds = workload.seconds(round_number)
        closes = expected.bars["LAST"][:, : seconds.stop]
        wanted = rows_of_closes(closes, seconds, 2)
        number = {symbol: code for code, symbol in enumerate(workload.symbols)}
        actual = {name: np.empty((len(closes), len(seconds))) for name in COLUMNS}
        for column, block in enumerate(result):
            row = np.array([number[symbol] for symbol in block.symbols])[block.code]
            for name, ours in COLUMNS.items():
                actual[name][row, column] = block.columns[ours]
        verdict = compare(actual, wanted, closes[:, seconds.start :])
        return Measured(0, sum(map(len, result)), verdict)

    @staticmethod
    def _seconds(workload: Workload, expected: Expected, seconds: range) -> list[Ticks]:
        symbols = len(workload.symbols)
        code, none = np.arange(symbols, dtype=np.int32), np.zeros(symbols, np.int32)
        closes = expected.bars["LAST"][:, seconds.start : seconds.stop].T.copy()
        return [
            Ticks(workload.symbols, code, np.full(symbols, (START_SECOND + second) * 1_000), values, none)
            for second, values in zip(seconds, closes, strict=True)
        ]
