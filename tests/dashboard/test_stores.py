"""The page over two stores, one that is free and one that is dear: the same rows give the same answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from tests.dashboard.client import TestClient
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import lively, metrics_rows
from tests.memory import MemoryArtifacts, MemoryWarehouse

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock, SystemClock
from fsictl.dashboard.app import create_app
from fsictl.dashboard.pace import FREE, METERED, Pace
from fsictl.ports.warehouse import Warehouse
from fsictl.records.arrow import table_of
from fsictl.records.schemas import PRICES

NOW = 1_767_225_600
SINCE = NOW - 5000


def rows_of(name: str) -> pa.Table:
    if name == PRICES.name:
        count = 300
        times = (np.arange(NOW - count, NOW) * 1000).tolist()
        return table_of(
            PRICES,
            {"symbol": ["EURUSD"] * count, "timestamp": times, "sequence": [0] * count, "value": [1.1] * count},
        )
    place = ("metrics", "reconerr").index(name)
    parts = [
        lively(symbol, SINCE, 5000, price=1.2, seed=seed)[place] for seed, symbol in enumerate(("EURUSD", "USDJPY"))
    ]
    if name == "metrics":
        parts.append(metrics_rows("GBPUSD", range(SINCE, SINCE + 100)))  # fell silent
    return pa.concat_tables(parts)


def answers(warehouse: Warehouse, artifacts: MemoryArtifacts, pace: Pace) -> dict[str, Any]:
    """What the page gives for every question, without a messenger, as on a target whose pipelines run elsewhere."""
    paths = [
        "symbols",
        "alerts?limit=500",
        "history?symbol=EURUSD&seconds=3600",
        "history?symbol=USDJPY&seconds=86400",
        f"history?symbol=EURUSD&start={SINCE + 77}&end={SINCE + 1234}",
        "history?symbol=GBPUSD&seconds=300",
        "filling?symbol=EURUSD&seconds=120",
        "model",
        "versions",
        *(
            f"views/{view}?symbol=EURUSD&from={SINCE * 1000}&to={NOW * 1000}&step=60000"
            for view in ("ticks", "metrics", "filling", "verdicts", "activity", "judgements")
        ),
        "views/runs",
    ]
    app = create_app(warehouse, None, artifacts, clock=ManualClock(NOW * 1000), pace=pace)
    with TestClient(app, base_url="http://localhost") as client:
        found = {path: client.get(f"/api/{path}").json() for path in paths}
        for alert in found["alerts?limit=500"][:2]:
            found[alert["id"]] = client.get(f"/api/alerts/{alert['id']}").json()
        status = client.get("/api/status").json()
        found["status"] = {name: status[name] for name in status if name not in {"time", "lag"}}
    return found


def compared(expected: dict[str, Any], found: dict[str, Any]) -> None:
    assert len(expected) > 17
    assert [path for path, answer in expected.items() if not answer] == ["views/runs"]
    for path, answer in expected.items():
        assert found[path] == answer, path


def fill(*warehouses: Warehouse) -> None:
    for name in ("prices", "metrics", "reconerr"):
        for warehouse in warehouses:
            warehouse.write(name, rows_of(name))


@pytest.mark.parametrize("pace", [FREE, METERED], ids=["free", "metered"])
def test_every_store_gives_the_same_answers(tmp_path: Path, filled: Stores, pace: Pace) -> None:
    memory = MemoryWarehouse()
    with LocalWarehouse(tmp_path, SystemClock()) as local:
        fill(memory, local)
        expected, found = answers(local, filled.artifacts, FREE), answers(memory, filled.artifacts, pace)
    compared(expected, found)


def served(folder: Path, settings: dict[str, str], path: str) -> Any:
    """What ``fsictl dashboard --target gcp`` answers."""
    command = [sys.executable, "-m", "fsictl", "--workspace", str(folder), "--json", "dashboard", "--port", "0"]
    environment = os.environ | settings
    with subprocess.Popen([*command, "--no-browser"], stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["url"]
            return httpx.get(f"{address}api/{path}", timeout=120).json()
        finally:
            process.terminate()


@pytest.mark.slow
def test_bigquery_gives_the_same_answers(tmp_path: Path, filled: Stores) -> None:
    pytest.importorskip("google.cloud.bigquery", reason="no Google libraries: pip install 'fsictl[gcp]'")
    from tests.cloud import Place, running_emulators

    memory = MemoryWarehouse()
    with running_emulators(tmp_path) as environment:
        place = Place(environment, SystemClock())
        fill(memory, place.warehouse)
        found = answers(place.warehouse, filled.artifacts, METERED)
        assert place.objects is not None  # the bucket of versions is there, and empty
        assert served(tmp_path, place.settings, "symbols") == found["symbols"]
    compared(answers(memory, filled.artifacts, FREE), found)
