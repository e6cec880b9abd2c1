from __future__ import annotations

import json
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.dashboard.client import TestClient
from tests.dashboard.made_up import lively, metrics_rows

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.cli.main import main
from fsictl.cli.status_view import rendered
from fsictl.clock import SystemClock
from fsictl.dashboard.app import create_app

SYMBOLS = ("EURUSD", "USDJPY")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / ".fsictl"
    root.mkdir()
    now = int(time.time())
    with LocalWarehouse(root, SystemClock()) as warehouse:
        for seed, symbol in enumerate(SYMBOLS):
            metrics, verdicts = lively(symbol, now - 1800, 1800, price=1.18, seed=seed)
            warehouse.write("metrics", metrics)
            warehouse.write("reconerr", verdicts)
        warehouse.write("metrics", metrics_rows("GBPUSD", [now - 600]))
    return root


def status(capsys: pytest.CaptureFixture[str]) -> Any:
    assert main(["status", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_says_what_the_page_is_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = status(capsys)
    with LocalWarehouse(workspace, SystemClock()) as warehouse:
        app = create_app(warehouse, LocalMessenger(workspace, SystemClock()), LocalArtifacts(workspace))
        with TestClient(app, base_url="http://localhost") as client:
            rows = client.get("/api/symbols").json()
            told = client.get("/api/status").json()
    assert [row["symbol"] for row in found["symbols"]] == ["EURUSD", "GBPUSD", "USDJPY"]
    for name in ("price", "sma", "rsi", "state", "trend"):
        assert [row[name] for row in found["symbols"]] == [row[name] for row in rows]
    assert found["symbols"][1]["state"] == "stale"
    for name in ("feed", "late", "alerts"):
        assert found[name] == told[name]
    assert found["newest"] == told["newest"] * 1000 - 1


@pytest.mark.parametrize(("height", "lines"), [(None, 22), (40, 22), (16, 10)])
def test_it_fits_a_terminal(
    workspace: Path, capsys: pytest.CaptureFixture[str], height: int | None, lines: int
) -> None:
    console = Console(width=120, file=StringIO())
    with console.capture() as capture:
        console.print(rendered(status(capsys), height))
    assert len(capture.get().splitlines()) <= lines
    for word in (*SYMBOLS, "stale", "metrics", "stopped", "dead letters"):
        assert word in capture.get()


def test_watching_gives_one_overview_after_the_other(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    naps = []

    def sleep(self: SystemClock, seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", sleep)
    main(["status", "--watch", "--interval", "0.5", "--json"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (len(told), naps) == (3, [0.5] * 3)
    assert {one["feed"] for one in told} <= {"live", "silent", "behind"}
