"""What the product needs for a day of 17 symbols on this machine: ``python -m benchmarks.catch_up``.

Prints Markdown: wall time, CPU and peak memory from stored ticks to stored metric rows, once by ``metrics backfill``
and once by the pipelines ``metrics`` and ``sink``; bytes of state per symbol; CPU until ``metrics run`` is ready.
The two ways must give the same rows to the bit, or the exit code is 1. Needs Linux, and 4 GB of disk for 24 h.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.metrics_engine.table import surroundings
from benchmarks.metrics_engine.workload import WARM_UP_SECONDS, make_workload

from fsictl.backends.local.supervise import READY, SUPERVISOR_VARIABLE
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import SystemClock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.settings.schema import PAIRS

START = "2024-01-01T00:00:00Z"
DRAIN = signal.SIGUSR1


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what it should be at most."""

    what: str
    value: float
    unit: str
    target: float | None = None

    @property
    def verdict(self) -> str:
        if self.target is None:
            return ""
        return f"≤ {self.target:g}: {'reached' if self.value <= self.target else 'not reached'}"


@dataclass(frozen=True, slots=True)
class Used:
    """What processes took together."""

    wall: float
    cpu: float
    peak_bytes: int


def fsictl(workspace: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "fsictl", "--workspace", str(workspace), *arguments]


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a process that calls us its keeper, so that it says when it is ready."""
    environment = {**os.environ, SUPERVISOR_VARIABLE: str(os.getpid())}
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdin=silent, stdout=silent, stderr=silent)


def await_ready(process: subprocess.Popen[bytes]) -> None:
    while signal.sigtimedwait([READY], 0.5) is None:
        if process.poll() is not None:
            give_up(process)


def give_up(process: subprocess.Popen[bytes]) -> None:
    command = process.args if isinstance(process.args, list) else [process.args]
    sys.exit(f"`{' '.join(map(str, command))}` ended with {process.returncode}.")


def end(process: subprocess.Popen[bytes]) -> tuple[float, int]:
    """Wait for a process; its CPU seconds and peak memory."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        give_up(process)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def drained(workspace: Path, *names: str) -> Used:
    """Run pipelines at the same time until nothing waits for any; each hands its work to the next one."""
    began = time.perf_counter()
    processes = [start(fsictl(workspace, "stream", "start", "--foreground", "--only", name)) for name in names]
    for process in processes:
        await_ready(process)
    used = []
    for process in processes:
        process.send_signal(DRAIN)
        used.append(end(process))
    return Used(time.perf_counter() - began, sum(cpu for cpu, _ in used), sum(peak for _, peak in used))


def backfilled(workspace: Path) -> Used:
    began = time.perf_counter()
    cpu, peak = end(start(fsictl(workspace, "metrics", "backfill")))
    return Used(time.perf_counter() - began, cpu, peak)


def catch_up(hours: float, folder: Path) -> tuple[list[Figure], bool]:
    """The figures, and whether both ways gave the same rows."""
    streamed, computed = folder / "streamed", folder / "computed"
    streamed.mkdir()
    simulate = fsictl(streamed, "generate", "--start", START, "--duration", f"{hours:g}h", "--speed", "max")
    subprocess.run([*simulate, "--seed", "1"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    drained(streamed, "sink")
    shutil.copytree(streamed, computed)
    by_backfill, by_pipelines = backfilled(computed), drained(streamed, "metrics", "sink")
    rows, same = same_rows(streamed, computed)
    figures = [Figure("metric rows", rows, "")]
    ways = {"`metrics backfill`": by_backfill, "pipelines `metrics` and `sink`": by_pipelines}
    for way, used in ways.items():
        figures += [
            Figure(f"{way}, wall time", used.wall, "s", 60),
            Figure(f"{way}, CPU", used.cpu, "s"),
            Figure(f"{way}, peak memory", used.peak_bytes / 1e9, "GB", 1.5),
        ]
    return figures, same


def same_rows(one: Path, other: Path) -> tuple[int, bool]:
    """How many rows of metrics the first has, and whether the other has the same to the bit."""
    rows, same = 0, True
    with (
        LocalWarehouse(one / ".fsictl", SystemClock()) as first,
        LocalWarehouse(other / ".fsictl", SystemClock()) as second,
    ):
        for symbol in PAIRS:
            mine, theirs = (store.read("metrics", symbols=[symbol]) for store in (first, second))
            rows += mine.num_rows
            same &= mine.num_rows > 0 and mine.equals(theirs)
    return rows, same


def state(symbols: int) -> list[Figure]:
    """Bytes of state per symbol with full windows: as a snapshot, and in memory."""
    workload = make_workload("state", symbols=symbols, hz=10, seconds=10, rounds=1)
    operator = MetricsOperator(MetricsParameters())
    for number in range(workload.batches(0).stop):
        operator.process(workload.batch(number))
        operator.on_watermark(int(workload.watermarks[number]))
    assert workload.batches(0).start >= WARM_UP_SECONDS
    snapshot = operator.snapshot()
    tracemalloc.start()
    restored = MetricsOperator.restore(snapshot, operator.parameters)
    in_memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert restored.symbols == operator.symbols
    return [
        Figure(f"snapshot per symbol, of {symbols:,}", len(snapshot) / symbols, "B", 16_384),
        Figure(f"memory per symbol, of {symbols:,}", in_memory / symbols, "B"),
    ]


def cpu_so_far(pid: int) -> float:
    """CPU seconds of all threads of a running process."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def startup(folder: Path, runs: int) -> list[Figure]:
    """CPU until ``metrics run`` is ready, beside that of importing what it cannot do without."""
    ready, imports = [], []
    for _ in range(runs + 1):
        process = start(fsictl(folder, "metrics", "run"))
        await_ready(process)
        ready.append(cpu_so_far(process.pid))
        process.terminate()
        end(process)
        imports.append(end(start([sys.executable, "-c", "import numpy, pyarrow"]))[0])
    ready, imports = ready[1:], imports[1:]  # the first may have compiled
    ratio = statistics.median(one / other for one, other in zip(ready, imports, strict=True))
    return [
        Figure("`import numpy, pyarrow`, CPU", statistics.median(imports), "s"),
        Figure("`fsictl metrics run` until ready, CPU", statistics.median(ready), "s"),
        Figure("ratio of the two", ratio, "", 1.5),
    ]


def table(figures: Sequence[Figure]) -> str:
    lines = ["| | measured | target |", "| --- | ---: | --- |"]
    for figure in figures:
        value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.3g}"
        lines.append(f"| {figure.what} | {value} {figure.unit} | {figure.verdict} |")
    return "\n".join(lines).replace("  |", " |")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catch_up", description=__doc__)
    parser.add_argument("--hours", type=float, default=24, help="how much to catch up, 24 without it")
    parser.add_argument("--quick", action="store_true", help="a few minutes of prices: shows correctness, not speed")
    parser.add_argument("--json", action="store_true", help="every figure, for machines")
    options = parser.parse_args()
    hours = 0.1 if options.quick else options.hours
    signal.pthread_sigmask(signal.SIG_BLOCK, {READY})
    with tempfile.TemporaryDirectory() as directory:
        figures, same = catch_up(hours, Path(directory))
        figures += state(17) + state(1000)
        figures += startup(Path(directory), 1 if options.quick else 9)
    if options.json:
        found = {"hours": hours, "same_rows": same, "figures": [asdict(figure) for figure in figures]}
        print(json.dumps({"surroundings": surroundings(), **found}, indent=2))
    else:
        print(f"{surroundings()}; {hours:g} h of {len(PAIRS)} simulated symbols at 10 ticks a second.\n")
        print(table(figures))
    if not same:
        print("The pipelines and the backfill gave different rows.", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
