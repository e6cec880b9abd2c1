"""The rows as the definition says them, one at a time, in plain Python: slow, and independent of the operator.

Every window is computed anew from the list of its bars with exact sums. Nothing here is shared with ``fsictl.metrics``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class _Symbol:
    ticks: dict[int, list[tuple[int, float]]] = field(default_factory=dict)  # of seconds that are still open
    rows: list[Row] = field(default_factory=list)
    last_second: int | None = None
    last_real: int | None = None
    late: int = 0


class Reference:
    """Feed it ticks and watermarks; read ``rows`` per symbol."""

    def __init__(self, window: int, rsi_window: int, max_gap: int, alpha: float = 0.5) -> None:
        self.window, self.rsi_window, self.max_gap, self.alpha = window, rsi_window, max_gap, alpha
        self.symbols: dict[str, _Symbol] = {}

    def process(self, ticks: list[tuple[str, int, float]]) -> list[tuple[str, int, float]]:
        """Take ticks; returns the late ones."""
        late = []
        for symbol, timestamp, value in ticks:
            state = self.symbols.setdefault(symbol, _Symbol())
            second = math.floor(timestamp / 1000)
            if state.last_second is not None and second <= state.last_second:
                state.late += 1
                late.append((symbol, timestamp, value))
            else:
                state.ticks.setdefault(second, []).append((timestamp, value))
        return late

    def on_watermark(self, watermark: float) -> None:
        """Close every second that ends at or before the watermark (``math.inf`` is possible)."""
        for name, state in self.symbols.items():
            while (second := self._next(state)) is not None and (second + 1) * 1000 <= watermark:
                self._close(name, state, second)

    def next_timer(self) -> int | None:
        seconds = [s for s in map(self._next, self.symbols.values()) if s is not None]
        return (min(seconds) + 1) * 1000 if seconds else None

    def _next(self, state: _Symbol) -> int | None:
        last, real = state.last_second, state.last_real
        if last is not None and real is not None and last + 1 <= real + self.max_gap:
            return last + 1
        return min(state.ticks, default=None)

    def _close(self, name: str, state: _Symbol, second: int) -> None:
        row: Row = {"symbol": name, "timestamp": second * 1000 + 999, "endTimestamp": second + 1}
        ticks = state.ticks.pop(second, None)
        row["GAP_FILLED"] = ticks is None
        if ticks is None:
            previous = state.rows[-1]
            for column in ("FIRST", "LAST", "MIN", "MAX", "SUM"):
                row[column] = previous["LAST"]
            row["FIRST_TIMESTAMP"] = row["LAST_TIMESTAMP"] = previous["LAST_TIMESTAMP"]
            row["DATA_POINT_COUNT"] = 1
        else:
            first, last = ticks[0], ticks[0]
            for tick in ticks[1:]:
                first = tick if tick[0] < first[0] else first
                last = tick if tick[0] >= last[0] else last
            row["FIRST_TIMESTAMP"], row["FIRST"] = first
            row["LAST_TIMESTAMP"], row["LAST"] = last
            values = [value for _, value in ticks]
            row["MIN"], row["MAX"], row["SUM"] = min(values), max(values), math.fsum(values)
            row["DATA_POINT_COUNT"] = len(values)
            state.last_real = second
        state.last_second = second
        state.rows.append(row)
        self._roll(row, state.rows, second)

    def _roll(self, row: Row, rows: list[Row], second: int) -> None:
        bars = []
        for bar in reversed(rows):
            if bar["endTimestamp"] - 1 <= second - self.window:
                break
            bars.append(bar)
        bars.reverse()
        c = [bar["LAST"] for bar in bars]
        n = len(c)
        sma = math.fsum(bar["SUM"] for bar in bars) / sum(bar["DATA_POINT_COUNT"] for bar in bars)
        weights = [(1 - self.alpha) ** (n - i) for i in range(1, n + 1)]
        ema = math.fsum(w * x for w, x in zip(weights, c, strict=True)) / math.fsum(weights)
        mean_off = math.fsum(x - c[0] for x in c) / n
        std = math.sqrt(math.fsum((x - c[0] - mean_off) ** 2 for x in c) / n)

        recent = [bar["LAST"] for bar in bars if bar["endTimestamp"] - 1 > second - self.rsi_window]
        moves = [recent[i] - recent[i - 1] for i in range(1, len(recent))]
        up = math.fsum(max(d, 0.0) for d in moves)
        down = math.fsum(min(d, 0.0) for d in moves)
        gain, loss = up / len(recent), abs(down) / len(recent)
        strength = None if loss == 0 else gain / loss
        if loss != 0:
            rsi: float | None = 100 - 100 / (1 + gain / loss)
        else:
            rsi = 100.0 if gain > 0 else None
        row.update(
            SUM_MOVEMENT_COUNT=n,
            SIMPLE_MOVING_AVERAGE=sma,
            EXPONENTIAL_MOVING_AVERAGE=ema,
            STANDARD_DEVIATION=std,
            LOG_RTN=0.0 if n == 1 else math.log1p((c[-1] - c[-2]) / c[-2]),
            SUM_UP_MOVEMENT=up,
            SUM_DOWN_MOVEMENT=down,
            ABS_MOVING_AVERAGE_GAIN=gain,
            ABS_MOVING_AVERAGE_LOSS=loss,
            RELATIVE_STRENGTH=strength,
            RELATIVE_STRENGTH_INDICATOR=rsi,
            BB_MIDDLE_BAND_SMA=sma,
            BB_UPPER_BAND_SMA=sma + 2 * std,
            BB_BOTTOM_BAND_SMA=sma - 2 * std,
            BB_MIDDLE_BAND_EMA=ema,
            BB_UPPER_BAND_EMA=ema + 2 * std,
            BB_BOTTOM_BAND_EMA=ema - 2 * std,
            GAP_FILLED_FRACTION=sum(bar["GAP_FILLED"] for bar in bars) / n,
        )
