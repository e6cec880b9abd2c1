"""The main job, through the installed command: prices in, metrics, a trained version, verdicts, all of it visible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fsictl.model.bootstrap import shipped_card

REAL_QUOTES = Path(__file__).parents[3] / "shared" / "data" / "eurusd_2020-01-01_quotes.csv"

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


def fsictl(workspace: Path, *arguments: str) -> Any:
    """What the command printed as JSON; it must end well."""
    environment = {**os.environ, "FSICTL_MODEL_STEPS": "60"}
    command = [sys.executable, "-m", "fsictl", *arguments, "--workspace", str(workspace), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def _count(workspace: Path, sql: str) -> int:
    (row,) = fsictl(workspace, "query", sql)
    (value,) = row.values()
    return int(value)


@pytest.fixture(scope="module", params=["real", "simulated"])
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """A demo over a file of prices: the workspace, the file, and what the demo said at its end."""
    workspace = tmp_path_factory.mktemp("demo")
    file = REAL_QUOTES
    if request.param == "simulated":
        file = workspace / "prices.csv"
        pairs = ("--symbols", "EURUSD,CADJPY", "--start", "2024-03-01T08:00:00Z", "--duration", "50m")
        fsictl(workspace, "generate", *pairs, "--speed", "max", "--out", str(file))
    elif not file.exists():
        pytest.skip("the sample of real quotes is not here")
    said = fsictl(workspace, "demo", "--replay", str(file), "--speed", "max", "--duration", "1s", "--no-browser")
    return workspace, file, said


def test_the_stored_rows_are_those_of_a_recomputation_from_the_file(shown: tuple[Path, Path, Any]) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from fsictl.backends.local.warehouse import LocalWarehouse
    from fsictl.clock import SystemClock

    workspace, file, said = shown
    out = workspace / "expected.parquet"
    report = fsictl(workspace, "metrics", "backfill", "--prices", str(file), "--out", str(out))
    expected = parquet.read_table(out)
    stored = LocalWarehouse(workspace / ".fsictl", SystemClock()).read("metrics")
    assert said["ticks"] == report["ticks"] == _count(workspace, "select count(*) from prices")
    assert said["late"] == said["dead_letters"] == 0
    assert said["metrics_rows"] == expected.num_rows
    assert pa.table(stored).equals(pa.table(expected))


def test_every_extreme_second_has_a_verdict_by_the_trained_version(shown: tuple[Path, Path, Any]) -> None:
    workspace, _, said = shown
    version = said["model_version"]
    assert [row["version"] for row in fsictl(workspace, "model", "list")] == [version]
    card = fsictl(workspace, "model", "show")
    assert card["version"] == version
    verdicts = _count(workspace, "select count(*) from reconerr")
    assert verdicts == said["verdicts"] > 0
    assert _count(workspace, f"select count(*) from reconerr where model_version = '{version}'") == verdicts
    extreme = "RELATIVE_STRENGTH_INDICATOR > 70 or RELATIVE_STRENGTH_INDICATOR < 30"
    assert verdicts <= _count(workspace, f"select count(*) from metrics where {extreme}")
    scored = _count(workspace, "select count(*) from reconerr where reconstruction_error is not null")
    assert scored > verdicts / 2
    unreliable = _count(workspace, "select count(*) from reconerr where unreliable")
    assert 0 < unreliable == said["unreliable"] < verdicts


def test_what_happened_can_be_looked_at(shown: tuple[Path, Path, Any]) -> None:
    workspace, _, said = shown
    rows = fsictl(workspace, "metrics", "show", "EURUSD", "-n", "5")
    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    assert len(rows) == 5
    alerts = fsictl(workspace, "alerts", "list", "--limit", "1000")
    assert bool(alerts) == (said["alerts"] > 0)
    flagged = fsictl(workspace, "alerts", "list", "--unreliable", "--limit", "1000")
    assert sum(episode["seconds"] for episode in flagged) >= said["unreliable"]
    (run,) = fsictl(workspace, "train", "--history")
    assert (run["outcome"], run["model_version"]) == ("trained", said["model_version"])
    status = fsictl(workspace, "status")
    assert {one["pipeline"]: one["state"] for one in status["pipelines"]} == dict.fromkeys(
        ("metrics", "infer", "sink"), "stopped"
    )


def test_the_same_rows_and_seed_give_the_same_version_and_scores(shown: tuple[Path, Path, Any]) -> None:
    workspace, _, said = shown
    (run,) = fsictl(workspace, "train", "--history")
    again = fsictl(workspace, "train", "--now", "--until", str(run["until"]))
    assert again["model_version"] == said["model_version"]
    order = "select symbol, timestamp, reconstruction_error, p_value, unreliable, feature_errors from reconerr"
    before = fsictl(workspace, "query", f"{order} order by symbol, timestamp", "--limit", "100000")
    scored = fsictl(workspace, "infer", "batch")
    assert scored["verdicts"] == said["verdicts"]
    assert fsictl(workspace, "query", f"{order} order by symbol, timestamp", "--limit", "100000") == before


def test_another_demo_of_the_same_prices_goes_on_and_one_of_older_prices_is_refused(
    shown: tuple[Path, Path, Any], tmp_path: Path
) -> None:
    workspace, file, said = shown
    again = fsictl(workspace, "demo", "--replay", str(file), "--speed", "max", "--duration", "1s", "--no-browser")
    same = ("ticks", "metrics_rows", "verdicts", "late", "model_version")
    assert [again[key] for key in same] == [said[key] for key in same]
    older = tmp_path / "older.csv"
    older.write_text("symbol,timestamp,value\nEURUSD,2001-01-01T00:00:00Z,1.1\n", encoding="utf-8")
    command = [sys.executable, "-m", "fsictl", "demo", "--replay", str(older), "--workspace", str(workspace)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "--fresh" in done.stderr


def test_simulated_prices_are_judged_at_once_by_the_shipped_version_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSICTL_PRICES_SYMBOLS", "EURUSD,USDJPY")
    arguments = ("demo", "--history", "30m", "--duration", "1s", "--no-browser")
    said = fsictl(tmp_path, *arguments)
    assert said["model_version"] == shipped_card().version
    assert said["verdicts"] > 100
    assert fsictl(tmp_path, "train", "--history") == []
    again = fsictl(tmp_path, *arguments)
    assert (again["late"], again["dead_letters"]) == (0, 0)
    assert again["ticks"] > said["ticks"]
    times = fsictl(
        tmp_path, "query", "select symbol, timestamp from prices order by symbol, timestamp", "--limit", "99999"
    )
    for symbol in ("EURUSD", "USDJPY"):
        mine = [row["timestamp"] for row in times if row["symbol"] == symbol]
        assert max(later - earlier for earlier, later in pairwise(mine)) < 10_000  # no hole
