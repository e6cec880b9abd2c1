from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.model.versions_of_chance import random_card, random_graph

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.cli.main import main
from fsictl.clock import SystemClock
from fsictl.model.aliases import CHALLENGER, CHAMPION
from fsictl.model.histogram import ScoreHistogram
from fsictl.model.versions import store_version
from fsictl.records.arrow import table_of
from fsictl.records.schemas import CALIBRATIONS


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalArtifacts:
    """A champion that follows an earlier version, a challenger that may follow, and one that may not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fsictl").mkdir()
    artifacts = LocalArtifacts(tmp_path / ".fsictl")
    for name, parent, passed in (
        ("first", None, True),
        ("second", "first", True),
        ("third", "second", True),
        ("bad", "second", False),
    ):
        gate = {"passed": passed, "reason": "" if passed else "it calls 80.0% unreliable", "checks": []}
        card = replace(random_card(name), parent=parent, gate=gate)
        store_version(artifacts, card, keras_file=b"", graphs={"autoencoder": random_graph()})
    artifacts.point(CHAMPION, "second")
    artifacts.point(CHALLENGER, "third")
    return artifacts


def test_promote_and_rollback_move_the_champion(artifacts: LocalArtifacts, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "promote", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"champion": "third"}
    assert artifacts.aliases() == {CHAMPION: "third"}  # the challenger is none any more
    assert main(["model", "promote", "first"]) == 0
    assert artifacts.resolve(CHAMPION) == "first"
    assert main(["model", "rollback"]) == 0
    assert artifacts.resolve(CHAMPION) == "third"  # what scored before, not what it was made after
    assert main(["model", "rollback"]) == 0
    assert artifacts.resolve(CHAMPION) == "second"


def test_one_symbol_is_promoted_and_rolled_back_alone(
    artifacts: LocalArtifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts.point("challenger.EURUSD", "first")
    assert main(["model", "promote", "--symbol", "EURUSD", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"champion": "first", "symbol": "EURUSD"}
    assert main(["model", "promote", "third", "--symbol", "EURUSD"]) == 0
    assert main(["model", "promote", "third", "--symbol", "EUR/JPY"]) == 0
    assert artifacts.aliases() == {
        CHAMPION: "second",
        CHALLENGER: "third",
        "champion.EURUSD": "third",
        "champion.EUR_sJPY": "third",
    }
    assert main(["model", "show", "champion.EUR/JPY", "--json"]) == 0
    capsys.readouterr()
    assert main(["model", "list", "--json"]) == 0
    listed = {row["version"]: row["alias"] for row in json.loads(capsys.readouterr().out)}
    assert listed["third"] == "challenger, champion.EURUSD, champion.EUR/JPY"
    assert main(["model", "rollback", "--symbol", "EURUSD"]) == 0
    assert artifacts.resolve("champion.EURUSD") == "first"
    assert main(["model", "rollback", "--symbol", "EURUSD"]) == 0
    assert artifacts.resolve("champion.EURUSD") is None  # the shared one scores it again
    assert artifacts.resolve(CHAMPION) == "second"
    assert main(["model", "rollback", "--symbol", "EURUSD"]) == 3
    assert "EURUSD has no champion of its own" in capsys.readouterr().err
    assert main(["query", "SELECT symbol, action, model_version, previous FROM promotions", "--json"]) == 0
    rows = [tuple(row.values()) for row in json.loads(capsys.readouterr().out) if row["symbol"] == "EURUSD"]
    assert sorted(rows) == [
        ("EURUSD", "promote", "first", None),
        ("EURUSD", "promote", "third", "first"),
        ("EURUSD", "rollback", "first", "third"),
        ("EURUSD", "share", "second", "first"),
    ]


def test_a_refused_version_needs_force_and_a_reason_which_is_recorded(
    artifacts: LocalArtifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", "promote", "bad"]) == 5
    assert "it calls 80.0% unreliable" in capsys.readouterr().err
    assert main(["model", "promote", "bad", "--force"]) == 3
    assert "--reason" in capsys.readouterr().err
    assert artifacts.resolve(CHAMPION) == "second"
    assert main(["model", "promote", "bad", "--force", "--reason", "a drill"]) == 0
    assert artifacts.resolve(CHAMPION) == "bad"
    capsys.readouterr()
    assert main(["query", "SELECT model_version, previous, action, forced, reason FROM promotions", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["model_version"] == "bad"
    assert (row["previous"], row["action"], bool(row["forced"]), row["reason"]) == (
        "second",
        "promote",
        True,
        "a drill",
    )


def test_there_is_no_way_back_beyond_the_first_and_none_to_what_is_not_there(
    artifacts: LocalArtifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts.point(CHAMPION, "first")
    assert main(["model", "rollback"]) == 3
    assert "replaced no other" in capsys.readouterr().err
    assert main(["model", "promote", "fourth"]) == 3
    assert "fourth" in capsys.readouterr().err
    assert artifacts.resolve(CHAMPION) == "first"


@pytest.mark.parametrize("damage", [b"truncated", None])
def test_a_damaged_version_is_not_promoted(
    artifacts: LocalArtifacts, damage: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / ".fsictl" / "models" / "versions" / "third" / "autoencoder.onnx"
    graph.unlink() if damage is None else graph.write_bytes(damage)
    assert main(["model", "promote", "third"]) == 3
    assert "third" in capsys.readouterr().err
    assert artifacts.resolve(CHAMPION) == "second"


def test_status_and_show_warn_of_rates_that_are_off(
    artifacts: LocalArtifacts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    histogram = json.dumps(ScoreHistogram().plus(np.full(2000, 2.0)).as_json())
    row = {
        "symbol": "EURUSD",
        "timestamp": random_card("").snapshot.until // 3_600_000 * 3_600_000,
        "model_version": "second",
        "label_threshold": 1.0,
        "alert_threshold": 2.0,
        "label_rate": 0.1,
        "alert_rate": 0.01,
        "windows": 2000,
        "unreliable": 900,
        "alerts": 20,
        "scores": histogram,
    }
    table = table_of(CALIBRATIONS, {name: [row[name]] for name in CALIBRATIONS.names})
    with LocalWarehouse(tmp_path / ".fsictl", SystemClock()) as warehouse:
        warehouse.write("calibrations", table)
    assert main(["status", "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["model_warnings"]
    assert "EURUSD, last hour: unreliable 45.0%, meant 10.0%" in warnings
    assert main(["model", "show"]) == 0
    shown = capsys.readouterr().out
    assert "WARNING" in shown
    assert main(["model", "list"]) == 0
    assert "refused" in capsys.readouterr().out
