"""A burst: millions of ticks at once into a running stream, until everything is in the tables.

    python benchmarks/burst.py                     # 5 million ticks
    python benchmarks/burst.py --ticks 200000

Prints the seconds to publish and to catch up and the most memory of each pipeline, and compares the table of metrics
with a recomputation from a file of the same prices. It ends with 1 if they differ.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from fsictl.backends.local.lock import holder  # noqa: E402
from fsictl.backends.local.messenger import LocalMessenger  # noqa: E402
from fsictl.backends.local.warehouse import LocalWarehouse  # noqa: E402
from fsictl.clock import SystemClock  # noqa: E402

PIPELINES = ("metrics", "infer", "sink")
RATE = 1624.0
"""Ticks of one second of event time at 100 Hz: 16 pairs, and a tenth of that from CADJPY, less what is not exact."""


def peak(root: Path, name: str) -> float:
    """The most megabytes of memory that a pipeline has had."""
    by = holder(root / "run" / f"{name}.lock")
    text = Path(f"/proc/{by.pid}/status").read_text() if by is not None and by.pid else ""
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


def digest(root: Path) -> tuple[int, str]:
    """Rows of the table metrics, and a hash of them."""
    warehouse, rows, made = LocalWarehouse(root, SystemClock()), 0, hashlib.sha256()
    for extent in warehouse.extents("metrics"):
        table = warehouse.read("metrics", symbols=[extent.symbol])
        rows += len(table)
        made.update(json.dumps(table.to_pylist()).encode())
    return rows, made.hexdigest()


def main() -> int:
    """Run it and compare."""
    parser = argparse.ArgumentParser(description="Millions of ticks at once.")
    parser.add_argument("--ticks", type=int, default=5_000_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fsictl-burst-") as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        here, there = Path(folder) / "live", Path(folder) / "recomputed"

        def fsictl(*arguments: object) -> str:
            command = [sys.executable, "-P", "-m", "fsictl", *map(str, arguments)]
            return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout

        prices = ["--hz", 100, "--seed", 5, "--start", "2024-01-01", "--duration", f"{asked.ticks / RATE:.0f}s"]
        file = Path(folder) / "prices.parquet"
        made = json.loads(fsictl("generate", *prices, "--speed", "max", "--out", file, "--json"))
        fsictl("stream", "start", "--workspace", here)
        began = time.monotonic()
        fsictl("generate", "--replay", file, "--speed", "max", "--workspace", here)
        published = time.monotonic() - began
        messenger = LocalMessenger(here / ".fsictl", SystemClock())
        while any(sum(messenger.progress(name).backlog.values()) for name in PIPELINES):  # type: ignore[union-attr]
            time.sleep(0.2)
        caught_up = time.monotonic() - began
        memory = {name: round(peak(here / ".fsictl", name)) for name in PIPELINES}
        fsictl("stream", "stop", "--drain", "--workspace", here)
        fsictl("metrics", "backfill", "--prices", file, "--workspace", there)
        live, recomputed = digest(here / ".fsictl"), digest(there / ".fsictl")
    result = {
        "ticks": made["ticks"],
        "published_s": round(published, 1),
        "in_the_tables_s": round(caught_up, 1),
        "ticks_per_s": round(made["ticks"] / caught_up),
        "peak_mb": memory,
        "metrics_rows": live[0],
        "identical": live == recomputed,
    }
    print(json.dumps(result, indent=2))
    return 0 if result["identical"] else 1


if __name__ == "__main__":
    sys.exit(main())
