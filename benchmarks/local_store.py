"""What the local store does on this machine: ``python benchmarks/local_store.py``.

Prints ticks published and pulled a second (in messages of 1,000), metrics rows
written a second, and the time to read six hours of one symbol.
"""

from __future__ import annotations

import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pyarrow as pa

from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import SystemClock
from fsictl.ports.messenger import Commit
from fsictl.records.arrow import table_of
from fsictl.records.encoding import encode_ticks
from fsictl.records.schemas import METRICS, PRICES, Field, Kind
from fsictl.records.ticks import Ticks
from fsictl.settings.schema import PAIRS

T0 = 1_577_836_800_000
HOURS = 6
BATCH_SECONDS = 60


def topics(root: Path, messages: int = 2_000) -> None:
    messenger = LocalMessenger(root, SystemClock())
    count = 1000
    ticks = Ticks.of([PAIRS[n % len(PAIRS)] for n in range(count)], range(T0, T0 + count), np.linspace(1, 2, count))
    message = encode_ticks(ticks)
    start = time.perf_counter()
    for _ in range(messages):
        messenger.publish([("prices", message)])
    published = time.perf_counter()
    pulled = 0
    with messenger.channel("metrics", ["prices"], "metrics") as channel:
        while batch := channel.pull(200, 0):
            pulled += len(batch)
            channel.commit(Commit(taken=batch, outgoing=[("metrics", message)], state=bytes(200_000)))
    done = time.perf_counter()
    print(
        f"publish        {messages * count / (published - start):>12,.0f} ticks/s  ({len(message.data):,} B a message)"
    )
    print(f"pull, commit   {pulled * count / (done - published):>12,.0f} ticks/s")
    print(f"both           {pulled * count / (done - start):>12,.0f} ticks/s")


def metrics_rows(second: int, seconds: int, random: np.random.Generator) -> pa.Table:
    """Rows of every pair for some seconds, as the metrics pipeline gives them."""
    timestamps = np.repeat(T0 + np.arange(second, second + seconds) * 1000 + 999, len(PAIRS))

    def column(field: Field) -> object:
        if field.name == "symbol":
            return list(PAIRS) * seconds
        if field.kind is Kind.FLOAT:
            return random.random(len(timestamps))
        return np.zeros(len(timestamps), bool) if field.kind is Kind.BOOLEAN else timestamps

    return table_of(METRICS, {field.name: column(field) for field in METRICS.fields})


def tables(root: Path) -> None:
    warehouse, random = LocalWarehouse(root, SystemClock()), np.random.default_rng(1)
    batches = [metrics_rows(second, BATCH_SECONDS, random) for second in range(0, HOURS * 3600, BATCH_SECONDS)]
    start = time.perf_counter()
    for batch in batches:
        warehouse.write("metrics", batch)
    seconds = time.perf_counter() - start
    rows = sum(map(len, batches))
    print(f"write metrics  {rows / seconds:>12,.0f} rows/s  ({rows:,} rows in transactions of {len(batches[0]):,})")
    count = 200_000
    ticks = {"symbol": ["EURUSD"] * count, "timestamp": np.arange(count), "sequence": np.zeros(count, int)}
    start = time.perf_counter()
    warehouse.write("prices", table_of(PRICES, {**ticks, "value": random.random(count)}))
    print(f"write prices   {count / (time.perf_counter() - start):>12,.0f} rows/s")
    few = ["timestamp", "LAST", "SIMPLE_MOVING_AVERAGE", "RELATIVE_STRENGTH_INDICATOR"]
    asks: dict[str, dict[str, Any]] = {
        f"read {HOURS} h of one symbol": {},
        f"read {HOURS} h, four columns": {"columns": few},
        "read the newest 300 rows": {"newest": 300},
    }
    for what, ask in asks.items():
        times = []
        for _ in range(5):
            start = time.perf_counter()
            found = warehouse.read("metrics", symbols=["EURUSD"], **ask)
            times.append(time.perf_counter() - start)
        print(f"{what:<25} {min(times) * 1000:>7.1f} ms  ({len(found):,} rows, {found.num_columns} columns)")
    start = time.perf_counter()
    warehouse.extents("metrics")
    print(f"{'extents of metrics':<25} {(time.perf_counter() - start) * 1000:>7.1f} ms")


def main() -> None:
    print(f"Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}, {platform.machine()}")
    with tempfile.TemporaryDirectory() as directory:
        topics(Path(directory))
        tables(Path(directory))


if __name__ == "__main__":
    main()
