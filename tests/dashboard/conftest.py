from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from tests.dashboard.made_up import START, VERSION, lively, metrics_rows, verdict_rows
from tests.dashboard.visit import CHROMIUM, QUIET
from tests.memory import MemoryArtifacts, MemoryMessenger, MemoryWarehouse

CARD = {
    "created_at": 1_767_225_600_000,
    "snapshot": {"symbols": ["*"], "rows": 86_400},
    "calibration": {"label_threshold": 1.0, "alert_threshold": 1.7, "scores": [0.1, 0.2]},
}


@dataclass
class Stores:
    """The three ports of an empty workspace."""

    warehouse: MemoryWarehouse
    messenger: MemoryMessenger
    artifacts: MemoryArtifacts

    @property
    def all(self) -> tuple[MemoryWarehouse, MemoryMessenger, MemoryArtifacts]:
        return self.warehouse, self.messenger, self.artifacts


@pytest.fixture
def stores() -> Stores:
    return Stores(MemoryWarehouse(), MemoryMessenger(), MemoryArtifacts())


@pytest.fixture
def filled(stores: Stores) -> Stores:
    """Half an hour up to now of two symbols, with a champion."""
    now = int(time.time())
    for seed, (symbol, price) in enumerate({"EURUSD": 1.18, "USDJPY": 109.93}.items()):
        metrics, verdicts = lively(symbol, now - 1800, 1800, price=price, seed=seed)
        stores.warehouse.write("metrics", metrics)
        stores.warehouse.write("reconerr", verdicts)
    stores.artifacts.put(VERSION, {"card.json": json.dumps(CARD).encode()})
    stores.artifacts.point("champion", VERSION)
    return stores


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, to which evil.example is this machine."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium to look at the page with")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright, which drives the browser, is missing")
    with playwright.sync_playwright() as driver:
        arguments = [*QUIET.split(), "--host-resolver-rules=MAP evil.example 127.0.0.1", "--renderer-process-limit=4"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def board(stores: Stores) -> Stores:
    """Ten minutes of a symbol that is overbought and unreliable in part, and of one that is neither."""
    seconds = np.arange(START, START + 600)
    rsi = np.where((seconds > START + 100) & (seconds < START + 400), 80.0, 50.0)
    extreme = seconds[rsi > 70]
    prices = 1.18 + np.sin(np.arange(600) / 50) * 1e-3
    stores.warehouse.write("metrics", metrics_rows("EURUSD", seconds, LAST=prices, RELATIVE_STRENGTH_INDICATOR=rsi))
    unreliable = extreme > START + 300
    error = np.where(unreliable, 2.0, 0.4)
    stores.warehouse.write(
        "reconerr",
        verdict_rows(
            "EURUSD",
            extreme,
            unreliable=unreliable,
            alert=unreliable,
            reconstruction_error=error,
            feature_errors=['{"log_return": 0.38, "volatility": 0.62}'] * len(extreme),
        ),
    )
    stores.warehouse.write("metrics", metrics_rows("USDJPY", seconds, LAST=109 + prices))
    return stores
