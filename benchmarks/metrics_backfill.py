"""How fast the metrics are: a bounded input (rows per second) and a live second (milliseconds).

Run it with ``PYTHONPATH=src python benchmarks/metrics_backfill.py [hours]``; 24 hours when not given.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np

from fsictl.metrics.backfill import backfill
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import Ticks

SYMBOLS = tuple(f"PAIR{i:02}" for i in range(17))
HERTZ = 10
START = 1_700_000_000_000


def walk(seconds: int, seed: int = 1) -> Ticks:
    """Random walks of all symbols at about 10 Hz each, one of them ten times sparser, in order of time."""
    generator = np.random.default_rng(seed)
    n = seconds * HERTZ * len(SYMBOLS)
    timestamp = START + np.sort(generator.integers(0, seconds * 1000, n))
    code = generator.integers(0, len(SYMBOLS), n).astype(np.int32)
    code = np.where((code == 2) & (generator.random(n) < 0.9), 3, code).astype(np.int32)
    value = 1.8 + np.cumsum(generator.integers(-1, 2, n)) * 1e-6
    return Ticks(SYMBOLS, code, timestamp, value, np.zeros(n, np.int32))


def measure_backfill(hours: float) -> None:
    ticks = walk(int(hours * 3600))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    rows = sum(len(block) for block in backfill(ticks, MetricsParameters()))
    seconds = time.process_time() - started
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
    print(
        f"backfill: {len(ticks):,} ticks, {rows:,} rows in {seconds:.2f} s of one core: "
        f"{rows / seconds:,.0f} rows/s, {len(ticks) / seconds:,.0f} ticks/s, {more:.0f} MiB on top of the ticks"
    )


def measure_live(seconds: int, batches: int = 10) -> None:
    """Every second arrives in that many batches; one of them closes the second before."""
    ticks = walk(seconds)
    operator = MetricsOperator(MetricsParameters())
    edges = np.searchsorted(ticks.timestamp, START + np.arange(seconds * batches + 1) * (1000 // batches))
    quiet, closing = [], []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        batch = ticks.take(slice(start, end))
        began = time.process_time()
        operator.process(batch)
        emitted = len(operator.on_watermark(int(batch.timestamp[-1]) - 2000))
        (closing if emitted else quiet).append((time.process_time() - began) * 1000)
    operator.snapshot()  # the first call imports
    began = time.process_time()
    data = operator.snapshot()
    snapshot_ms = (time.process_time() - began) * 1000
    print(
        f"live: {np.median(closing):.2f} ms for a batch that closes a second of {len(SYMBOLS)} symbols "
        f"(99 %: {np.quantile(closing, 0.99):.2f}), {np.median(quiet):.3f} ms for one that does not; "
        f"snapshot {len(data):,} bytes in {snapshot_ms:.2f} ms"
    )


if __name__ == "__main__":
    measure_live(900)
    measure_backfill(float(sys.argv[1]) if len(sys.argv) > 1 else 24)
