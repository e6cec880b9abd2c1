from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pytest
from tests.dashboard.made_up import VERSION, lively
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
