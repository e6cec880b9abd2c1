"""The streams in the background: started, stopped, killed, restarted; and the rows they leave."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest
from tests.e2e.conftest import Fsictl, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROWS = "select * from metrics order by symbol, timestamp"


@pytest.fixture
def expected(fsictl: Fsictl, prices: Path) -> list[dict[str, object]]:
    """The rows that a recomputation makes of the file."""
    elsewhere = fsictl.directory / "recomputed"
    fsictl("metrics", "backfill", "--prices", prices, "--workspace", elsewhere)
    rows = fsictl("query", ROWS, "--limit", 1_000_000, "--json", "--workspace", elsewhere).json
    assert len(rows) > 1200
    return list(rows)


def _publish(fsictl: Fsictl, prices: Path) -> int:
    return int(fsictl("generate", "--replay", prices, "--speed", "max", "--json").json["ticks"])


def _has_more_than(fsictl: Fsictl, rows: int) -> bool:
    return len(fsictl.query("select 1 from metrics")) > rows


def test_a_replay_leaves_the_rows_of_a_recomputation_bit_for_bit(
    fsictl: Fsictl, prices: Path, expected: list[dict[str, object]]
) -> None:
    assert set(fsictl("stream", "start", "--json").json["started"]) == {"metrics", "infer", "sink"}
    assert {one["state"] for one in fsictl.pipelines().values()} == {"running"}

    again = fsictl("stream", "start", code=3)
    assert "already runs" in again.err
    assert "stream stop" in again.err
    fsictl("metrics", "run", code=3)

    ticks = _publish(fsictl, prices)
    assert set(fsictl("stream", "stop", "--drain", "--json").json["stopped"]) == {"metrics", "infer", "sink"}
    assert fsictl.processes() == {}
    assert fsictl("stream", "stop", "--json").json == {"stopped": []}
    assert {one["state"] for one in fsictl.pipelines().values()} == {"stopped"}
    assert fsictl.query(ROWS) == expected  # JSON keeps every digit of a double
    assert fsictl.query("select count(*) n from prices") == [{"n": ticks}]

    _publish(fsictl, prices)
    fsictl("stream", "start")
    fsictl("stream", "stop", "--drain")
    assert fsictl.query(ROWS) == expected  # once more the same prices: all of them late
    assert fsictl.query("select count(*) n from prices") == [{"n": ticks}]
    assert fsictl("status", "--json").json["dead_letters"] == ticks


def test_killed_pipelines_come_back_and_nothing_is_lost_or_doubled(
    fsictl: Fsictl, prices: Path, expected: list[dict[str, object]]
) -> None:
    fsictl("stream", "start")
    before = fsictl.pipelines()
    # Slow enough that the pipelines are killed in the middle: twenty minutes in a few seconds.
    publisher = fsictl.start("generate", "--replay", prices, "--speed", "200", "--json")
    eventually(lambda: bool(fsictl.query("select 1 from metrics limit 1")), "a first row is stored")
    for one in before.values():
        os.kill(one["pid"], signal.SIGKILL)
    eventually(
        lambda: all(one["restarts"] == 1 and one["state"] == "running" for one in fsictl.pipelines().values()),
        "the keepers have started the pipelines again",
    )
    after = fsictl.pipelines()
    assert all(after[name]["pid"] != before[name]["pid"] for name in before)
    assert all("killed by SIGKILL" in one["detail"] for one in after.values())
    publisher.communicate()
    fsictl("stream", "stop", "--drain")
    assert fsictl.query(ROWS) == expected
    assert fsictl("status", "--json").json["dead_letters"] == 0


def test_everything_killed_at_once_goes_on_where_it_was(
    fsictl: Fsictl, prices: Path, expected: list[dict[str, object]]
) -> None:
    ticks = _publish(fsictl, prices)
    for rows in (0, 300):
        starting = fsictl.start("stream", "start")
        eventually(partial(_has_more_than, fsictl, rows), "more rows are stored")
        for pid in fsictl.processes():
            os.kill(pid, signal.SIGKILL)
        starting.communicate()
        eventually(lambda: not fsictl.processes(), "all of them are gone")
    assert {one["state"] for one in fsictl.pipelines().values()} == {"stopped"}
    fsictl("stream", "start")
    fsictl("stream", "stop", "--drain")
    assert fsictl.query(ROWS) == expected
    assert fsictl.query("select count(*) n from prices") == [{"n": ticks}]
    assert fsictl("status", "--json").json["dead_letters"] == 0


def test_a_pipeline_ends_when_its_keeper_is_killed(fsictl: Fsictl) -> None:
    fsictl("stream", "start", "--only", "sink")
    child = fsictl.pipelines()["sink"]["pid"]
    (keeper,) = set(fsictl.processes()) - {child}
    os.kill(keeper, signal.SIGKILL)
    eventually(lambda: not fsictl.processes(), "no orphan is left")
    assert fsictl.pipelines()["sink"]["state"] == "stopped"
    assert fsictl("stream", "stop", "--json").json == {"stopped": []}


def test_other_settings_than_those_of_the_stored_state_are_refused(fsictl: Fsictl, prices: Path) -> None:
    fsictl("stream", "start", "--only", "metrics")
    _publish(fsictl, prices)
    fsictl("stream", "stop", "--drain")
    changed = fsictl("stream", "start", "--json", code=3, env={"FSICTL_METRICS_RSI_WINDOW": "100"})
    assert "rsi_window=300" in changed.err
    assert "rsi_window=100" in changed.err
    assert fsictl.processes() == {}, "none is started when one cannot be"
    assert fsictl.pipelines()["metrics"]["state"] == "failed"
    assert "rsi_window=100" in fsictl("metrics", "run", "--rsi-window", 100, code=3).err
    fsictl("stream", "start", "--only", "metrics", env={"FSICTL_METRICS_RSI_WINDOW": "300"})  # the same as none
    fsictl("stream", "stop")


def test_a_broken_alias_is_said_and_stops_nothing(fsictl: Fsictl) -> None:
    aliases = fsictl.directory / ".fsictl" / "models" / "aliases"
    aliases.mkdir(parents=True)
    (aliases / "champion").write_bytes(b"\xff\xfe../../etc/passwd\n")
    fsictl("stream", "start", "--only", "infer", "--only", "metrics")
    fsictl("generate", "--duration", "2m", "--symbols", "EURUSD", "--start", "2024-01-01", "--speed", "max")
    eventually(
        lambda: "cannot be the name" in fsictl("stream", "logs", "infer").out, "inference says what is wrong with it"
    )
    assert fsictl.pipelines()["infer"]["restarts"] == 0
    fsictl("stream", "stop", "--drain")


def test_files_of_the_directory_are_never_taken_for_modules(fsictl: Fsictl) -> None:
    for name in ("json.py", "signal.py", "fsictl.py", "pyarrow.py"):
        (fsictl.directory / name).write_text("raise SystemExit(9)\n")
    fsictl("stream", "start", "--only", "sink")
    (row,) = fsictl("stream", "status", "--json").json
    assert row["state"] == "running"
    fsictl("stream", "stop")
