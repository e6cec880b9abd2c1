"""Values that no command can use: each says which one it is, where it came from, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsictl.cli.main import main


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fsictl").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("key", "value", "command"),
    [
        ("prices.symbols", "a b", ["generate", "--duration", "1s", "--speed", "max"]),
        ("orchestrator.schedule", "bad", ["orchestrator", "schedule"]),
        ("orchestrator.time_zone", "Mars", ["orchestrator", "schedule"]),
        ("target", "mars", ["status"]),
    ],
)
def test_a_setting_is_named_with_its_value_and_origin(
    key: str, value: str, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variable = "FSICTL_" + key.replace(".", "_").upper()
    monkeypatch.setenv(variable, value)
    assert main(command) == 3
    told = capsys.readouterr().err
    assert told.startswith(f"Error: {key} is ")
    assert value in told
    assert f"(from {variable})" in told


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["verify", "parity", "--duration", "10ms"], 2),
        (["verify", "parity", "--allowed-lateness", "nan"], 2),
        (["status", "--watch", "--interval", "inf"], 2),
        (["alerts", "list", "--start", "-" + "9" * 400], 2),
        (["generate", "--replay", "x.csv", "--hz", "5"], 2),
        (["generate", "--replay", "x.csv", "--symbols", "EURUSD"], 2),
        (["metrics", "backfill", "--prices", "x.csv", "--out", "x.csv"], 2),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(
    command: list[str], code: int, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "x.csv").write_text("symbol,timestamp,value\nA,1,1.5\n")
    assert main(command) == code
    assert "bug" not in capsys.readouterr().err
    assert (workspace / "x.csv").read_text().endswith("A,1,1.5\n")
