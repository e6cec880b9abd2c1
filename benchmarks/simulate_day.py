"""How long a day of all pairs at 10 Hz takes to simulate, and how often its 300 s RSI is extreme.

Run with ``python benchmarks/simulate_day.py [hours]``.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from fsictl.prices.pairs import PAIRS
from fsictl.prices.simulate import simulate
from fsictl.records.ticks import FloatArray, IntArray, Ticks

WINDOW = 300


def extreme_share(timestamp: IntArray, value: FloatArray) -> float:
    """The share of seconds, after the first window, whose RSI over 300 one-second bars is above 70 or below 30."""
    second = (timestamp // 1000).astype(np.int64)
    last = np.flatnonzero(np.diff(second, append=second[-1] + 1))
    grid = np.arange(second[0], second[-1] + 1)
    close = value[last][np.searchsorted(second[last], grid, side="right") - 1]
    move = np.diff(close)
    up, down = (np.cumsum(np.r_[0.0, np.maximum(sign * move, 0.0)]) for sign in (1.0, -1.0))
    gain, loss = (total[WINDOW - 1 :] - total[: -(WINDOW - 1)] for total in (up, down))
    share = gain / np.maximum(gain + loss, 1e-12)
    return float(np.mean((share > 0.7) | (share < 0.3)))


def main(hours: float) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    blocks = list(simulate(hz=10.0, seed=1, duration=hours * 3600.0))
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    ticks = Ticks.concat(blocks)
    print(f"{len(ticks):,} ticks, {hours:g} h of {len(PAIRS)} pairs: {seconds:.1f} s, of one CPU {cpu:.1f} s")
    shares = []
    for code, symbol in enumerate(ticks.symbols):
        mine = ticks.take(ticks.code == code)
        shares.append(extreme_share(mine.timestamp, mine.value))
        low, high = mine.value.min(), mine.value.max()
        print(f"{symbol}  RSI extreme {shares[-1]:5.1%}  {low:.5f} … {high:.5f}  ({high / low - 1.0:.2%})")
    print(f"RSI extreme in {np.mean(shares):.1%} of the seconds")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 24.0)
