from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.dashboard.made_up import verdict_rows

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.cli.main import main
from fsictl.clock import SystemClock


def test_an_alert_has_the_same_id_whatever_time_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fsictl").mkdir()
    start = 1_767_225_600
    with LocalWarehouse(tmp_path / ".fsictl", SystemClock()) as warehouse:
        warehouse.write("reconerr", verdict_rows("EURUSD", range(start, start + 900), alert=np.ones(900, bool)))
        warehouse.write("reconerr", verdict_rows("EURUSD", [start - 500], alert=np.ones(1, bool)))

    def listed(*arguments: str) -> list[tuple[str, int]]:
        assert main(["alerts", "list", "--json", *arguments]) == 0
        return [(row["id"], row["seconds"]) for row in json.loads(capsys.readouterr().out)]

    newest, older = listed()
    assert (newest[1], older[1]) == (900, 1)
    assert listed("--start", "2026-01-01T00:10:00Z") == [newest]
    assert listed("--start", "2026-01-01T00:10:00Z", "--symbol", "USDJPY") == []
