"""Measure the live page: answers while the sink writes, its share of a core while live, and the first drawing.

``python benchmarks/dashboard.py`` makes a workspace with a day of one symbol and two hours of sixteen others, starts
``fsictl dashboard`` on it, and writes a row a second for each of the 17 symbols while it asks and listens. With
Playwright and Chromium the first drawing and the browser's share of a core are measured too. ``--seconds`` is how long
each part takes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pyarrow as pa

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import SystemClock
from fsictl.records.arrow import table_of
from fsictl.records.schemas import METRICS, RECONERR, Kind
from fsictl.settings.schema import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SYMBOLS = Settings().prices.symbols
DAY, SHORT = 86_400, 7_200
REPLACED = {"symbol", "timestamp", "endTimestamp", "LAST_TIMESTAMP", "RELATIVE_STRENGTH_INDICATOR", "GAP_FILLED"}


def rows(symbol: str, ends: np.ndarray) -> tuple[pa.Table, pa.Table]:
    """Metrics rows whose bars end at these seconds, and verdicts about those with an extreme RSI."""
    count = len(ends)
    rsi = 50 + 40 * np.sin(ends / 600 + len(symbol))
    price = 1.2 + np.sin(ends / 500) * 1e-3 + np.random.default_rng(1).standard_normal(count) * 1e-5
    columns: dict[str, object] = {
        "symbol": [symbol] * count,
        "timestamp": ends * 1000 - 1,
        "endTimestamp": ends,
        "LAST_TIMESTAMP": ends * 1000 - 100,
        "RELATIVE_STRENGTH_INDICATOR": rsi,
        "GAP_FILLED": np.zeros(count, bool),
    }
    for field in METRICS.fields:
        if field.name not in REPLACED:
            columns[field.name] = price if field.kind is Kind.FLOAT else np.ones(count, np.int64)
    extreme = (rsi > 70) | (rsi < 30)
    error = np.abs(np.sin(ends[extreme] / 90))
    verdicts: dict[str, object] = {
        "symbol": [symbol] * len(error),
        "timestamp": ends[extreme] * 1000 - 1,
        "model_version": ["made-up"] * len(error),
        "reconstruction_error": error,
        "threshold": np.full(len(error), 0.9),
        "unreliable": error > 0.9,
        "alert": error > 0.99,
        "p_value": np.full(len(error), 0.1),
        "rsi": rsi[extreme],
        "side": np.where(rsi[extreme] > 70, "overbought", "oversold").tolist(),
        "feature_errors": ["{}"] * len(error),
        "gap_filled_fraction": np.zeros(len(error)),
        "reason": pa.nulls(len(error), pa.string()),
    }
    return table_of(METRICS, columns), table_of(RECONERR, verdicts)


def write(warehouse: LocalWarehouse, symbol: str, ends: np.ndarray) -> None:
    metrics, verdicts = rows(symbol, ends)
    warehouse.write(METRICS.name, metrics)
    warehouse.write(RECONERR.name, verdicts)


@contextmanager
def writing(warehouse: LocalWarehouse) -> Iterator[None]:
    """A row of every symbol each second, for the time of the block."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1 - time.time() % 1):
            parts = [rows(symbol, np.array([int(time.time())])) for symbol in SYMBOLS]
            warehouse.write(METRICS.name, pa.concat_tables([part[0] for part in parts]))
            warehouse.write(RECONERR.name, pa.concat_tables([part[1] for part in parts]))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def serving(workspace: Path) -> Iterator[tuple[int, str]]:
    """The process id and address of ``fsictl dashboard`` on the workspace."""
    command = [sys.executable, "-m", "fsictl", "--workspace", str(workspace), "--json"]
    with subprocess.Popen(
        [*command, "dashboard", "--port", "0", "--no-browser"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.pid, json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def live_share(pid: int, address: str, seconds: float) -> float:
    """Share of a core that the server takes with one page open."""
    with httpx.stream("GET", f"{address}api/events", timeout=30) as stream:
        reader = threading.Thread(target=lambda: [None for _ in _lines_until_closed(stream)], daemon=True)
        reader.start()
        time.sleep(3)
        before, began = cpu_seconds(pid), time.monotonic()
        time.sleep(seconds)
        return (cpu_seconds(pid) - before) / (time.monotonic() - began)


def _lines_until_closed(stream: httpx.Response) -> Iterator[str]:
    try:
        yield from stream.iter_lines()
    except (httpx.HTTPError, httpx.StreamError, OSError):
        return


def latencies(address: str, path: str, seconds: float) -> np.ndarray:
    """Milliseconds that answers took, asked one after the other with a short pause."""
    found = []
    with httpx.Client(base_url=address, timeout=30) as client:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            began = time.perf_counter()
            client.get(path).raise_for_status()
            found.append((time.perf_counter() - began) * 1000)
            time.sleep(0.01)
    return np.array(found)


def first_answers(address: str, paths: Sequence[str]) -> np.ndarray:
    """Milliseconds that answers took which nobody had asked for before."""
    with httpx.Client(base_url=address, timeout=30) as client:
        client.get("api/status").raise_for_status()
        return np.array([client.get(path).raise_for_status().elapsed.total_seconds() * 1000 for path in paths])


@contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def open_page(browser: Browser, address: str, window: int) -> Page:
    """The page once its charts are on the screen."""
    page = browser.new_page(viewport={"width": 1680, "height": 945})
    page.goto(f"{address}?symbol={SYMBOLS[0]}&window={window}")
    page.wait_for_selector("html[data-drawn]", state="attached")
    return page


def first_drawings(browser: Browser, address: str, window: int, times: int = 7) -> list[float]:
    """Milliseconds from the data's arrival to the charts of that window, of as many visits."""
    found = []
    for _ in range(times):
        page = open_page(browser, address, window)
        found.append(float(page.get_attribute("html", "data-drawn") or "nan"))
        page.close()
    return found


def browser_share(browser: Browser, address: str, seconds: float) -> float:
    """Share of a core that all processes of the browser take with one live page open."""
    page = open_page(browser, address, 3600)
    page.wait_for_timeout(3000)
    pids = [pid for pid in _descendants(os.getpid()) if "chrom" in Path(f"/proc/{pid}/comm").read_text()]
    before, began = sum(map(cpu_seconds, pids)), time.monotonic()
    page.wait_for_timeout(seconds * 1000)
    share = (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - began)
    page.close()
    return share


def _descendants(pid: int) -> list[int]:
    children = [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    return [one for child in children for one in (child, *_descendants(child))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each part")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Path(scratch)
        subprocess.run([sys.executable, "-m", "fsictl", "--workspace", scratch, "init"], check=True)
        warehouse = LocalWarehouse(workspace / ".fsictl", SystemClock())
        now = int(time.time())
        for place, symbol in enumerate(SYMBOLS):
            write(warehouse, symbol, np.arange(now - (DAY if place == 0 else SHORT), now))
        print(f"{len(SYMBOLS)} symbols; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        with writing(warehouse), serving(workspace) as (pid, address):
            print(f"live, one page open: {live_share(pid, address, seconds):.1%} of one core")
            hours = [f"api/history?symbol={symbol}&seconds=3600" for symbol in SYMBOLS[2:]]
            for name, paths in {"1 h": hours, "24 h": [f"api/history?symbol={SYMBOLS[0]}&seconds={DAY}"]}.items():
                took = first_answers(address, paths)
                print(
                    f"history of {name}, asked for first: median {np.median(took):.0f} ms, slowest {took.max():.0f} ms"
                )
            for path in (
                "api/status",
                "api/symbols",
                f"api/history?symbol={SYMBOLS[1]}&seconds=3600",
                f"api/history?symbol={SYMBOLS[0]}&seconds={DAY}",
            ):
                before = cpu_seconds(pid)
                took = latencies(address, path, seconds)
                p50, p99 = np.percentile(took, [50, 99])
                each = (cpu_seconds(pid) - before) / len(took) * 1000
                print(f"{path}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, {each:.1f} ms of CPU ({len(took)} answers)")
            try:
                with browsing() as browser:
                    print(f"browser, one page live: {browser_share(browser, address, seconds):.1%} of one core")
                    for name, window in {"1 h": 3600, "24 h": DAY}.items():
                        took = np.array(first_drawings(browser, address, window))
                        middle, worst = np.median(took), took.max()
                        print(f"drawing of {name}: median {middle:.0f} ms, slowest of {len(took)} {worst:.0f} ms")
            except ImportError:
                print("nothing was measured in a browser: playwright is missing")
        warehouse.close()


if __name__ == "__main__":
    main()
