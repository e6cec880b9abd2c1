"""What is kept, for how long, for whom; and what happens to what could not be used."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from tests.e2e.conftest import Fsictl

from fsictl.backends.local.messenger import LocalMessenger
from fsictl.clock import SystemClock
from fsictl.records.message import Message

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SIMULATED = ("--symbols", "EURUSD", "--speed", "max", "--start", "2024-01-01T00:00:00Z")


def test_dead_letters_are_listed_replayed_and_dropped(fsictl: Fsictl) -> None:
    fsictl.write("odd.csv", "symbol,timestamp,value\nEURUSD,1704067200000,1.1\nno price\n")
    fsictl("generate", "--replay", "odd.csv", "--speed", "max")
    messenger = LocalMessenger(fsictl.directory / ".fsictl", SystemClock())
    messenger.publish([("prices", Message(b"no json", {"symbol": "EURUSD", "timestamp": "1"}))])
    fsictl("stream", "start", "--only", "metrics", "--only", "sink")
    fsictl("stream", "stop", "--drain")
    letters = fsictl("dead-letter", "list", "--json").json
    assert [(one["reason"], one["data"]) for one in letters] == [("malformed", "no price"), ("malformed", "no json")]

    request = {"reason": "malformed", "detail": "no request", "origin": "jobs/1", "symbol": "", "timestamp": "1"}
    messenger.publish([("dead-letter", Message(b"{}", request))])
    fsictl("dead-letter", "drop", code=2)
    fsictl("dead-letter", "drop", "--all", "--reason", "late", code=2)
    assert "no/1" in fsictl("dead-letter", "replay", "--id", "no/1", code=2).err
    said = fsictl("dead-letter", "replay", "--all", "--json").json
    assert said == {"replayed": 1, "topics": {"prices": 1}, "lines_of_files": 1, "job_requests": 1}
    left = fsictl("dead-letter", "list", "--json").json
    assert [one["data"] for one in left] == ["no price", "{}"]
    fsictl("dead-letter", "drop", "--id", left[1]["id"])

    fsictl("stream", "start", "--only", "metrics", "--only", "sink")
    fsictl("stream", "stop", "--drain")
    again = fsictl("dead-letter", "list", "--json").json
    assert [one["data"] for one in again] == ["no price", "no json"], "refused again, and nothing is lost"
    assert fsictl("dead-letter", "drop", "--id", again[0]["id"], "--json").json == {"dropped": 1}
    assert fsictl("dead-letter", "drop", "--before", "-1h", "--json").json == {"dropped": 0}
    assert fsictl("dead-letter", "drop", "--reason", "malformed", "--json").json == {"dropped": 1}
    assert fsictl("status", "--json").json["dead_letters"] == 0


def test_late_ticks_that_are_replayed_leave_the_tables_as_they_were(fsictl: Fsictl) -> None:
    fsictl("generate", *SIMULATED, "--duration", "3m")
    for again in (("--duration", "1m", "--seed", "9"), ()):
        fsictl("stream", "start", "--only", "metrics", "--only", "sink")
        fsictl("stream", "stop", "--drain")
        if again:
            fsictl("generate", *SIMULATED, *again)
    before = {name: fsictl.query(f"select * from {name} order by 1, 2") for name in ("prices", "metrics")}
    late = fsictl("status", "--json").json["dead_letters"]
    assert late > 300
    assert fsictl("dead-letter", "replay", "--reason", "late", "--json").json["replayed"] == late
    fsictl("stream", "start", "--only", "metrics", "--only", "sink")
    fsictl("stream", "stop", "--drain")
    assert before == {name: fsictl.query(f"select * from {name} order by 1, 2") for name in before}
    assert fsictl("status", "--json").json["dead_letters"] == late


def test_only_the_user_may_read_what_is_kept(fsictl: Fsictl) -> None:
    fsictl("stream", "start")
    fsictl("generate", *SIMULATED, "--duration", "5s")
    fsictl("dead-letter", "drop", "--all")
    state = fsictl.directory / ".fsictl"
    running = _open_to_others(state)
    fsictl("stream", "stop", "--drain")
    assert running == _open_to_others(state) == []
    assert len(list(state.rglob("*"))) > 15


def _open_to_others(folder: Path) -> list[str]:
    found = []
    for path in [folder, *folder.rglob("*")]:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:  # gone in the meantime
            continue
        if stat.S_IMODE(mode) & 0o077:
            found.append(f"{path} {stat.filemode(mode)}")
    return found


def test_what_everybody_has_taken_is_forgotten_in_time(fsictl: Fsictl) -> None:
    keep_nothing = {"FSICTL_RETENTION_TOPIC_HOURS": "0", "FSICTL_RETENTION_PRICES_DAYS": "0.01"}
    fsictl("generate", *SIMULATED, "--duration", "30m", "--open-end")
    fsictl("stream", "start", "--only", "metrics", "--only", "sink", env=keep_nothing)
    fsictl("stream", "stop", "--drain")
    fsictl("generate", "--symbols", "EURUSD", "--speed", "max", "--start", "2024-01-01T00:30:00Z", "--duration", "1s",
           env=keep_nothing)  # fmt: skip
    messenger = LocalMessenger(fsictl.directory / ".fsictl", SystemClock())
    assert messenger.end("prices") > 10
    assert len(messenger.read("prices")) < 5, "the publisher has removed what was taken"
    fsictl("stream", "start", "--only", "metrics", "--only", "sink", env=keep_nothing)
    fsictl("stream", "stop", "--drain")
    (seconds,) = fsictl.query("select (max(timestamp) - min(timestamp)) / 1000 s from prices")
    assert 800 < seconds["s"] < 870, "a hundredth of a day"
    assert len(fsictl.query("select 1 from metrics")) > 1800


def test_status_tells_the_size_of_what_is_kept(fsictl: Fsictl) -> None:
    fsictl("generate", *SIMULATED, "--duration", "5s")
    found = fsictl("status", "--json").json
    assert found["bytes"]["prices"] > 4096
    assert found["bytes_free"] > 0
    assert found["latency_ms"] == {"metrics": None, "reconerr": None}
    assert "GB free" in fsictl("status").out
    json.dumps(found)


def test_resuming_publishes_nothing_twice_and_says_what_it_cannot_resume(fsictl: Fsictl) -> None:
    first = fsictl("generate", *SIMULATED, "--duration", "2m", "--resume", "--json").json["ticks"]
    assert first > 500
    assert fsictl("generate", *SIMULATED, "--duration", "2m", "--resume", "--json").json["ticks"] == 0
    more = fsictl("generate", *SIMULATED, "--duration", "3m", "--resume", "--json").json["ticks"]
    assert 0 < more < first
    assert fsictl("generate", *SIMULATED, "--duration", "2m", "--seed", "2", "--resume", "--json").json["ticks"] > 500
    assert "never the same" in fsictl("generate", "--duration", "1s", "--resume", code=2).err
