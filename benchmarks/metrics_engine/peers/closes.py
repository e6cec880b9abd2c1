"""What libraries of indicators are given: the right closes of each symbol, second by second, gaps already filled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from benchmarks.metrics_engine.check import compare
from benchmarks.metrics_engine.contest import Expected, Measured
from benchmarks.metrics_engine.plain import WINDOW, rows_of_closes
from benchmarks.metrics_engine.workload import Workload

EMA_PERIOD = 3  # α = 2 / (3 + 1) = 0.5
RSI_PERIOD = WINDOW - 1  # as many moves as there are between the closes of the window

Row = tuple[float, float, float, float, tuple[float, float, float]]
"""SMA, EMA, standard deviation, RSI, Bollinger bands (upper, middle, lower)."""

Open = Callable[[np.ndarray], Callable[[float], Row]]
"""Given the closes so far of a symbol, the function that takes the next close and returns the row."""


def flat_rows(rows: list[Row]) -> np.ndarray:
    """The same as an array, without the middle band, which is the average: [rows, 6]."""
    return np.array([(sma, ema, std, rsi, upper, lower) for sma, ema, std, rsi, (upper, _, lower) in rows])


class OfCloses:
    """Five indicators of every close."""

    scope = "5 indicators of ready closes; no bars, no gaps, no late ticks"
    must_be_right = False

    def __init__(self, name: str, open_: Open, *, note: str, rsi: str = "RSI (Wilder)", symbols: int = 10**9) -> None:
        self.name, self.note, self._open, self.rsi, self._symbols = name, note, open_, rsi, symbols
        self._steps: list[Callable[[float], Row]] = []

    def warm_up(self, workload: Workload, expected: Expected) -> None:
        start = workload.seconds(0).start
        self.open(expected.bars["LAST"][: self._symbols, :start])

    def open(self, closes: np.ndarray) -> None:
        """Begin anew with these closes, [symbols, seconds]."""
        self._steps = [self._open(np.ascontiguousarray(row)) for row in closes]

    def prepare(self, workload: Workload, round_number: int, expected: Expected) -> list[list[float]]:
        seconds = workload.seconds(round_number)
        closes: list[list[float]] = expected.bars["LAST"][: self._symbols, seconds.start : seconds.stop].T.tolist()
        return closes

    def run(self, seconds: list[list[float]]) -> list[Row]:
        rows = []
        steps = self._steps
        for closes in seconds:
            for step, close in zip(steps, closes, strict=True):
                rows.append(step(close))  # as a stream does it
        return rows

    def check(self, result: list[Row], workload: Workload, round_number: int, expected: Expected) -> Measured:
        return self.check_flat(flat_rows(result), len(self._steps), workload, round_number, expected)

    def check_flat(
        self, rows: np.ndarray, symbols: int, workload: Workload, round_number: int, expected: Expected
    ) -> Measured:
        """The same for rows as :func:`flat_rows` makes them of the first symbols."""
        seconds = workload.seconds(round_number)
        grids = rows.reshape(len(seconds), symbols, 6).transpose(2, 1, 0)
        names = ("SMA", "EMA", "STD", self.rsi, "upper band", "lower band")
        closes = expected.bars["LAST"][:symbols, : seconds.stop]
        wanted = rows_of_closes(closes, seconds, RSI_PERIOD)
        actual: Mapping[str, Any] = dict(zip(names, grids, strict=True))
        return Measured(0, len(rows), compare(actual, wanted, closes[:, seconds.start :]))
