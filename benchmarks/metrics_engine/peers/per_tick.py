"""The same definition in plain Python, tick by tick: what one writes first, and then cares about speed.

Open bars in a dict, the window in a deque with running sums that are made anew once per window. The RSI is that of
the whole window, as by default.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from benchmarks.metrics_engine.check import Verdict, compare
from benchmarks.metrics_engine.contest import Expected, Measured
from benchmarks.metrics_engine.plain import ALPHA, MAX_GAP, WINDOW
from benchmarks.metrics_engine.workload import START_SECOND, Workload

from fsictl.records.schemas import METRICS

Row = tuple[object, ...]
NEVER = -(2**61)
DECAY = [(1 - ALPHA) ** power for power in range(WINDOW + 1)]
COLUMNS = METRICS.names


class Bar:
    """The ticks of one second so far."""

    __slots__ = ("count", "first", "first_ms", "high", "last", "last_ms", "low", "total")

    def __init__(self, timestamp: int, value: float) -> None:
        self.first = self.last = self.low = self.high = self.total = value
        self.first_ms = self.last_ms = timestamp
        self.count = 1


class Symbol:
    """Open bars and the window of one symbol."""

    __slots__ = (
        "bars",
        "close",
        "count",
        "down",
        "downs",
        "ema",
        "filled",
        "last_ms",
        "last_real",
        "last_second",
        "name",
        "open",
        "shift",
        "since_rebase",
        "squares",
        "total",
        "up",
        "ups",
        "weight",
        "xs",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.open: dict[int, Bar] = {}
        self.last_second = NEVER
        self.last_real = 2 * NEVER
        self.last_ms = 0
        self.close = 0.0
        self.bars: deque[tuple[int, float, float, int, float, bool]] = deque()
        self.total = self.ema = self.weight = self.shift = self.xs = self.squares = self.up = self.down = 0.0
        self.count = self.ups = self.downs = self.filled = self.since_rebase = 0

    def next_second(self) -> int | None:
        if self.last_second < self.last_real + MAX_GAP:
            return self.last_second + 1
        return min(self.open) if self.open else None

    def forget_before(self, second: int) -> None:
        """Take bars that left the window out of the running sums."""
        bars = self.bars
        while bars and bars[0][0] <= second - WINDOW:
            _, close, total, count, _, filled = bars.popleft()
            self.total -= total
            self.count -= count
            self.filled -= filled
            x = close - self.shift
            self.xs -= x
            self.squares -= x * x
            self.ema -= close * DECAY[len(bars)]
            self.weight -= DECAY[len(bars)]
            if bars:  # the oldest bar left has no move within the window
                move = bars[0][4]
                if move > 0:
                    self.up -= move
                    self.ups -= 1
                elif move < 0:
                    self.down += move
                    self.downs -= 1

    def rebase(self) -> None:
        """Make the running sums anew, so that they do not drift, around the newest price."""
        bars = self.bars
        self.shift = bars[-1][1]
        offsets = [bar[1] - self.shift for bar in bars]
        moves = [bar[4] for bar in bars]
        moves[0] = 0.0
        self.total = math.fsum(bar[2] for bar in bars)
        self.xs = math.fsum(offsets)
        self.squares = math.fsum(x * x for x in offsets)
        self.up = math.fsum(move for move in moves if move > 0)
        self.down = math.fsum(-move for move in moves if move < 0)
        self.since_rebase = 0

    def row(self, second: int) -> Row:  # noqa: PLR0915  # calls would cost time
        """Close a second: its bar, or a filled one, goes into the window."""
        self.forget_before(second)
        bar = self.open.pop(second, None) if self.open else None
        bars, previous = self.bars, self.close
        if bar is None:
            first = close = low = high = total = previous
            first_ms = last_ms = self.last_ms
            count, filled = 1, True
        else:
            first, close, low, high, total = bar.first, bar.last, bar.low, bar.high, bar.total
            first_ms, last_ms, count, filled = bar.first_ms, bar.last_ms, bar.count, False
            self.last_real, self.last_ms = second, last_ms
        move, log_return = 0.0, 0.0
        if bars:
            move = close - previous
            log_return = math.log1p(move / previous)
            if move > 0:
                self.up += move
                self.ups += 1
            elif move < 0:
                self.down -= move
                self.downs += 1
        else:
            self.shift, self.total, self.xs, self.squares, self.ema, self.weight = close, 0.0, 0.0, 0.0, 0.0, 0.0
        bars.append((second, close, total, count, move, filled))
        self.close, self.last_second = close, second
        self.total += total
        self.count += count
        self.filled += filled
        x = close - self.shift
        self.xs += x
        self.squares += x * x
        self.ema = self.ema * (1 - ALPHA) + close
        self.weight = self.weight * (1 - ALPHA) + 1
        self.since_rebase += 1
        if self.since_rebase == WINDOW:
            self.rebase()
        n = len(bars)
        mean = self.xs / n
        variance = self.squares / n - mean * mean
        up = self.up if self.ups else 0.0
        down = self.down if self.downs else 0.0
        std = math.sqrt(variance) if variance > 0 and (self.ups or self.downs) else 0.0
        sma, ema = self.total / self.count, self.ema / self.weight
        gain, loss = up / n, down / n
        if self.downs:
            strength: float | None = gain / loss
            rsi: float | None = 100 - 100 / (1 + gain / loss)
        else:
            strength, rsi = None, 100.0 if self.ups else None
        band = 2 * std
        return (
            self.name,
            second * 1000 + 999,
            second + 1,
            first,
            close,
            first_ms,
            last_ms,
            low,
            high,
            total,
            count,
            filled,
            n,
            sma,
            ema,
            std,
            log_return,
            up,
            -down,
            gain,
            loss,
            strength,
            rsi,
            sma,
            sma + band,
            sma - band,
            ema,
            ema + band,
            ema - band,
            self.filled / n,
        )


class PerTickOperator:
    """Ticks in, rows out; the same calls as the engine's."""

    def __init__(self) -> None:
        self._symbols: dict[str, Symbol] = {}

    def process(self, ticks: list[tuple[str, int, float]]) -> list[tuple[str, int, float]]:
        late = []
        symbols = self._symbols
        for tick in ticks:
            name, timestamp, value = tick
            symbol = symbols.get(name)
            if symbol is None:
                symbol = symbols[name] = Symbol(name)
            second = timestamp // 1000
            bar = symbol.open.get(second)
            if bar is not None:
                bar.count += 1
                bar.total += value
                if timestamp >= bar.last_ms:
                    bar.last, bar.last_ms = value, timestamp
                elif timestamp < bar.first_ms:
                    bar.first, bar.first_ms = value, timestamp
                if value < bar.low:
                    bar.low = value
                elif value > bar.high:
                    bar.high = value
            elif second > symbol.last_second:
                symbol.open[second] = Bar(timestamp, value)
            else:
                late.append(tick)
        return late

    def on_watermark(self, watermark_ms: int) -> list[Row]:
        newest = watermark_ms // 1000 - 1
        rows = []
        for symbol in self._symbols.values():
            while (second := symbol.next_second()) is not None and second <= newest:
                rows.append(symbol.row(second))
        return rows


Batch = tuple[list[tuple[str, int, float]], int]


class PerTick:
    """Plain Python with every micro-batch."""

    name = "plain Python, per tick"
    scope = "bars, gaps, late ticks, all 28 columns"
    must_be_right = True
    note = ""

    def __init__(self) -> None:
        self._operator = PerTickOperator()

    def warm_up(self, workload: Workload, _expected: Expected) -> None:
        self._operator = PerTickOperator()
        self.run(self.prepare(workload, -1))

    def prepare(self, workload: Workload, round_number: int, _expected: Expected | None = None) -> list[Batch]:
        batches, names = [], workload.symbols
        for number in workload.batches(round_number):
            batch = workload.batch(number)
            columns = (batch.code.tolist(), batch.timestamp.tolist(), batch.value.tolist())
            ticks = [(names[code], timestamp, value) for code, timestamp, value in zip(*columns, strict=True)]
            batches.append((ticks, int(workload.watermarks[number])))
        return batches

    def run(self, batches: list[Batch]) -> tuple[list[Row], int]:
        rows: list[Row] = []
        late = 0
        for ticks, watermark in batches:
            late += len(self._operator.process(ticks))
            rows += self._operator.on_watermark(watermark)
        return rows, late

    def check(
        self, result: tuple[list[Row], int], workload: Workload, round_number: int, expected: Expected
    ) -> Measured:
        rows, late = result
        seconds = workload.seconds(round_number)
        measured = Measured(workload.tick_count(round_number), len(rows))
        if late != workload.late_count(round_number):
            return measured.judged(Verdict(np.inf, f"{late} late ticks"))
        if len(rows) != len(workload.symbols) * len(seconds):
            return measured.judged(Verdict(np.inf, f"{len(rows)} rows"))
        columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
        number = {symbol: code for code, symbol in enumerate(workload.symbols)}
        row = np.array([number[name] for name in columns["symbol"]])
        column = np.array(columns["endTimestamp"]) - 1 - START_SECOND - seconds.start
        actual = {}
        for name, wanted in expected.rows.items():
            grid = np.zeros(wanted.shape, wanted.dtype)
            grid[row, column] = np.array(columns[name], wanted.dtype)
            actual[name] = grid
        return measured.judged(compare(actual, expected.rows, expected.rows["LAST"]))
