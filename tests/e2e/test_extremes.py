"""Prices that nobody wants and somebody has, through the command: no crash, bounded memory, right rows."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import compute as pc
from pyarrow import parquet
from tests.e2e.conftest import SOURCE
from tests.metrics.comparison import assert_rows
from tests.metrics.reference import Reference

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

START = 1_700_000_000_000
DAY_MS = 86_400_000
LAST_OF_64_BITS_MS = int(datetime(2262, 4, 11, tzinfo=UTC).timestamp() * 1000)  # as nanoseconds they end that day
MB = 2**20

MEASURED = """
import runpy, sys
try:
    runpy.run_module("fsictl", run_name="__main__", alter_sys=True)
finally:
    with open("/proc/self/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM"))
    print(int(peak.split()[1]) * 1024, file=sys.stderr)
"""
"""The command, and then the most memory it had."""


def backfill(folder: Path, prices: pa.Table, *, max_gap: int, most_memory: int) -> tuple[dict[str, Any], pa.Table]:
    """What ``metrics backfill`` says of these prices, and the rows it writes."""
    parquet.write_table(prices, folder / "prices.parquet")
    command = [sys.executable, "-P", "-c", MEASURED, "metrics", "backfill", "--json", "--max-gap", str(max_gap)]
    done = subprocess.run(
        [*command, "--prices", "prices.parquet", "--out", "rows.parquet"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SOURCE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    most = int(done.stderr.splitlines()[-1])
    assert most < most_memory, f"{most / MB:.0f} MiB"
    return json.loads(done.stdout), parquet.read_table(folder / "rows.parquet")


def prices_of(symbols: list[str], timestamps: Any, values: Any) -> pa.Table:
    return pa.table({"symbol": symbols, "timestamp": pa.array(timestamps, pa.int64()), "value": values})


def assert_as_defined(rows: pa.Table, prices: pa.Table, *, max_gap: int) -> None:
    """The rows are those of the reference, given the prices in order of time."""
    reference = Reference(300, 300, max_gap)
    ordered = prices.take(pc.sort_indices(prices, [("timestamp", "ascending")])).to_pylist()
    reference.process([(price["symbol"], price["timestamp"], price["value"]) for price in ordered])
    reference.on_watermark(math.inf)
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault(row["symbol"], []).append(row)
    assert found.keys() == reference.symbols.keys()
    for name, symbol in reference.symbols.items():
        assert_rows(found[name], symbol.rows)


@pytest.mark.slow
def test_a_hundred_thousand_symbols(tmp_path: Path) -> None:
    symbols, random = 100_000, np.random.default_rng(1)
    code = np.concatenate([random.permutation(symbols), random.integers(0, symbols, symbols)])
    names = pa.array([f"S{number:05}" for number in range(symbols)])
    prices = prices_of(
        names.take(pa.array(code)), START + random.integers(0, 3_000, len(code)), random.uniform(0.5, 2, len(code))
    )
    said, rows = backfill(tmp_path, prices, max_gap=3, most_memory=800 * MB)
    assert (said["ticks"], said["rejects"], said["rows"]) == (len(code), 0, rows.num_rows)
    assert pc.count_distinct(rows.column("symbol")).as_py() == symbols
    keys = rows.select(["symbol", "timestamp"])
    assert keys.equals(keys.sort_by([("symbol", "ascending"), ("timestamp", "ascending")]))
    some = pa.array([f"S{number:05}" for number in range(0, symbols, 1_000)])
    chosen, given = (table.filter(pc.is_in(table.column("symbol"), some)) for table in (rows, prices))
    assert_as_defined(chosen, given, max_gap=3)


def test_a_million_prices_of_a_symbol_in_a_second(tmp_path: Path) -> None:
    count, random = 1_000_000, np.random.default_rng(2)
    timestamps, values = START + random.integers(0, 1_000, count), random.uniform(0.5, 2, count)
    said, rows = backfill(
        tmp_path, prices_of(pa.repeat("X", count), timestamps, values), max_gap=0, most_memory=500 * MB
    )
    assert (said["ticks"], said["rejects"]) == (count, 0)
    (row,) = rows.to_pylist()
    first, last = int(timestamps.argmin()), count - 1 - int(timestamps[::-1].argmax())
    assert (row["FIRST"], row["LAST"]) == (values[first], values[last])
    assert (row["MIN"], row["MAX"], row["DATA_POINT_COUNT"]) == (values.min(), values.max(), count)
    assert row["SUM"] == pytest.approx(math.fsum(values.tolist()), rel=1e-12)


@pytest.mark.parametrize(
    ("symbols", "timestamps"),
    [
        pytest.param(["OLD", "OLD", "NEW"], [0, 1_500, LAST_OF_64_BITS_MS], id="the first second and the year 2262"),
        pytest.param(["X"] * 3, [0, 1_500, LAST_OF_64_BITS_MS], id="one symbol in both"),
        pytest.param(["A", "A", "A", "B"], [START, START + 1_000, START + DAY_MS, START], id="back after a day"),
    ],
)
def test_times_far_apart(tmp_path: Path, symbols: list[str], timestamps: list[int]) -> None:
    prices = prices_of(symbols, timestamps, [1.0 + number / 8 for number in range(len(symbols))])
    said, rows = backfill(tmp_path, prices, max_gap=60, most_memory=400 * MB)
    assert (said["ticks"], said["rejects"]) == (len(symbols), 0)
    assert_as_defined(rows, prices, max_gap=60)
