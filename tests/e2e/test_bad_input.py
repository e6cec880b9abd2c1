"""What unlucky and hostile people give to the command: it says in a sentence what is wrong, and what to do next."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from tests.e2e.conftest import Fsictl, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

T = 1_704_067_200_000
HEADER = "symbol,timestamp,value\n"


def test_lines_that_are_no_prices_are_kept_with_the_reason_and_stop_nothing(fsictl: Fsictl) -> None:
    lines = {
        f"EURUSD,{T},1.1": None,
        "this is no price": "malformed",
        f"EURUSD,{T + 1000}": "malformed",
        f"EURUSD,{T + 1000},1.1,7": "malformed",
        f"EURUSD,{T + 1000},NaN": "bad-value",
        f"EURUSD,{T + 1000},0": "bad-value",
        f"EURUSD,{T + 1000},-1.1": "bad-value",
        f"EURUSD,{T + 1000},inf": "bad-value",
        f"EURUSD,{T + 1000},1e400": "bad-value",
        "EURUSD,99999999999999999999999,1.1": "bad-timestamp",
        "EURUSD,-5,1.1": "bad-timestamp",
        f"{'A' * 33},{T + 1000},1.1": "bad-symbol",
        f"€USD,{T + 1000},1.1": "bad-symbol",
        f"eurusd,{T + 1000},1.1": None,
        f"EURUSD,{T - 7_200_000},1e308": None,
        f"EURUSD,{T + 2000},1.1": None,
    }
    fsictl.write("odd.csv", HEADER + "\n".join(lines))  # its end is in the middle of a line
    done = fsictl("metrics", "backfill", "--prices", "odd.csv", "--out", "rows.jsonl", "--json")
    wrong = [reason for reason in lines.values() if reason is not None]
    assert (done.json["ticks"], done.json["rejects"]) == (len(lines) - len(wrong), len(wrong))
    kept = [json.loads(line) for line in (fsictl.directory / "rows.jsonl.rejects.jsonl").read_text().splitlines()]
    assert [(one["reason"], one["data"]) for one in kept] == [(r, line) for line, r in lines.items() if r is not None]
    rows = [json.loads(line) for line in (fsictl.directory / "rows.jsonl").read_text().splitlines()]
    assert {row["symbol"] for row in rows} == {"EURUSD", "eurusd"}
    assert len(rows) == done.json["rows"] == 61 + 63 + 61

    sent = fsictl("generate", "--replay", "odd.csv", "--speed", "max", "--json")
    assert (sent.json["ticks"], sent.json["rejects"]) == (len(lines) - len(wrong), len(wrong))
    assert fsictl("status", "--json").json["dead_letters"] == len(wrong)


def test_marks_line_ends_and_order_of_a_file_do_not_matter(fsictl: Fsictl, prices: Path) -> None:
    plain = prices.read_bytes()
    header, *lines = plain.splitlines(keepends=True)
    fsictl.write("plain.csv", plain)
    fsictl.write("marked.csv", b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n"))
    fsictl.write("backwards.csv", header + b"".join(reversed(lines)).rstrip(b"\n"))
    rows = set()
    for name in ("plain", "marked", "backwards"):
        fsictl("metrics", "backfill", "--prices", f"{name}.csv", "--out", f"{name}.jsonl")
        rows.add((fsictl.directory / f"{name}.jsonl").read_bytes())
    # Two prices in one millisecond count in the order of the file.
    repeated = len(lines) - len({line.rsplit(b",", 1)[0] for line in lines})
    assert len(rows) == (2 if repeated else 1)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        (HEADER, "has no prices"),
        (HEADER + "x\ny\nz", "has no usable price"),
        ("when,how,much\n1,2,3\n", "has the columns when, how, much"),
        (bytes(range(256)) * 20, "is not a text file"),
        ("symbol,timestamp,value\n".encode("utf-16"), "is not a text file"),
        (b"PAR1" + bytes(range(1, 200)), "cannot be read as Parquet"),
        (b"\x1f\x8b\x08 cut off", "cannot be read"),
    ],
)
def test_files_that_hold_no_prices_are_refused(fsictl: Fsictl, content: str | bytes, said: str) -> None:
    fsictl.write("odd.csv", content)
    assert said in fsictl("metrics", "backfill", "--prices", "odd.csv", "--out", "o.csv", "--json", code=3).err
    assert sorted(path.name for path in fsictl.directory.iterdir()) == ["odd.csv"]


def test_places_that_cannot_be_read_or_written_are_named(fsictl: Fsictl, prices: Path) -> None:
    for name in (".", "missing.csv", "x" * 300 + ".csv"):
        assert f"{name} cannot be read" in fsictl("generate", "--replay", name, "--speed", "max", code=3).err
    for name in ("no/such/folder.csv", "x" * 300 + ".csv", f"{prices}/o.csv"):
        done = fsictl("metrics", "backfill", "--prices", prices, "--out", name, code=3)
        assert f"{name} cannot be written" in done.err
    assert "ending" in fsictl("metrics", "backfill", "--prices", prices, "--out", "rows", code=3).err
    assert list(fsictl.directory.iterdir()) == []
    fsictl.write(".fsictl", "a file")
    fsictl("stream", "start", code=3)


def test_what_is_asked_for_is_checked_before_anything_is_made(fsictl: Fsictl) -> None:
    for symbols in ("eurusd", ","):
        fsictl("generate", "--symbols", symbols, "--duration", "1s", "--speed", "max", code=3)
    for option, value in (
        ("--speed", "0"),
        ("--duration", "-5s"),
        ("--start", "yesterday"),
        ("--start", "9" * 20),
        ("--start", "1900-01-01"),
        ("--nonsense", "1"),
    ):
        fsictl("generate", "--duration", "1s", "--out", "o.csv", "--speed", "max", option, value, code=2)
    fsictl("stream", "start", "--only", "nobody", code=2)
    fsictl("nonsense", code=2)
    assert list(fsictl.directory.iterdir()) == []


def test_settings_that_cannot_hold_are_named_with_where_they_come_from(fsictl: Fsictl) -> None:
    for content, said in (
        ("[metrics\n", "fsictl.toml is not valid TOML"),
        (b"\xff\xfe", "fsictl.toml is not valid TOML"),
        ("[metrics]\nwindow = 'abc'\n", "metrics.window is 'abc' (from fsictl.toml)"),
        ("[metrics]\nwindw = 3\n", "fsictl.toml sets metrics.windw"),
    ):
        fsictl.write("fsictl.toml", content)
        assert said in fsictl("stream", "start", code=3).err
    (fsictl.directory / "fsictl.toml").unlink()
    (fsictl.directory / "fsictl.toml").mkdir()
    assert "fsictl.toml cannot be read" in fsictl("stream", "start", code=3).err
    (fsictl.directory / "fsictl.toml").rmdir()
    done = fsictl("stream", "start", code=3, env={"FSICTL_METRICS_WINDOW": "1e9"})
    assert "metrics.window is '1e9' (from FSICTL_METRICS_WINDOW)" in done.err
    assert "metrics.window is 1 (from --window)" in fsictl("metrics", "run", "--window", "1", code=3).err
    assert list(fsictl.directory.iterdir()) == []


def test_what_is_not_there_yet_is_said(fsictl: Fsictl) -> None:
    assert "no fsictl workspace" in fsictl("status", code=3).err
    fsictl("init", "--json")
    for asked in (
        ("metrics", "show", "EURUSD"),
        ("metrics", "backfill"),
        ("train", "--now"),
        ("infer", "batch"),
        ("stream", "logs", "metrics"),
        ("init",),
    ):
        fsictl(*asked, code=3)
    for asked in (("alerts", "list"), ("stream", "status"), ("query", "select * from metrics")):
        assert fsictl(*asked, "--json").json == []


def test_a_workspace_may_have_any_name_and_a_backfill_may_come_twice(fsictl: Fsictl, prices: Path) -> None:
    elsewhere = fsictl.directory / "spaß in [/bold] 💥"
    for _ in range(2):
        fsictl("metrics", "backfill", "--prices", prices, "--workspace", elsewhere)
    fsictl("init", "--workspace", elsewhere, "--json")
    count = "select count(*) n, count(distinct timestamp) seconds from metrics"
    (row,) = fsictl("query", count, "--workspace", elsewhere, "--json").json
    assert row["n"] == row["seconds"] > 1200
    assert "EURUSD" in fsictl("metrics", "show", "eurusd", "--workspace", elsewhere, code=3).err


def test_sql_that_does_more_than_read_is_refused(fsictl: Fsictl, prices: Path) -> None:
    fsictl("metrics", "backfill", "--prices", prices)
    (before,) = fsictl.query("select count(*) n from metrics")
    for sql in (
        "delete from metrics",
        "attach 'other.db' as other",
        "select 1; delete from metrics",
        "select * from nothing",
        "",
    ):
        fsictl("query", sql, "--json", code=3)
    assert fsictl.query("select count(*) n from metrics") == [before]
    assert sorted(path.name for path in fsictl.directory.iterdir()) == [".fsictl"]
    odd = "select 1 a, 2 a, null b, x'00ff' c, '[/red]' \"[bold]\""
    assert fsictl.query(odd) == [{"a": 1, "a_2": 2, "b": None, "c": "\x00\\xff", "[bold]": "[/red]"}]
    assert "[/red]" in fsictl("query", odd).out


def test_a_reader_that_leaves_is_no_error(fsictl: Fsictl, prices: Path) -> None:
    fsictl("metrics", "backfill", "--prices", prices)
    for more in ((), ("--json",)):
        process = fsictl.start("query", "select symbol, timestamp from metrics limit 100", *more)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as `| head` does when it has seen enough
        assert "Traceback" not in process.stderr.read()
        assert process.wait() == 0


def test_damaged_files_of_the_workspace_are_named(fsictl: Fsictl, prices: Path) -> None:
    fsictl("metrics", "backfill", "--prices", prices)
    database = fsictl.directory / ".fsictl" / "warehouse.db"
    whole = database.read_bytes()
    for damaged in (b"no database at all" * 1000, whole[:4096] + bytes(byte ^ 0x5A for byte in whole[4096:])):
        database.write_bytes(damaged)
        for command in (("query", "select * from metrics"), ("stream", "start")):
            assert "warehouse.db is" in fsictl(*command, code=3).err
    assert fsictl.processes() == {}
    versions = fsictl.directory / ".fsictl" / "models" / "versions"
    (versions / "v1").mkdir(parents=True)
    (versions / "v1" / "card.json").write_bytes(b"\xff{]")
    fsictl("model", "show", "v1", code=3)
    assert [one["version"] for one in fsictl("model", "list", "--json").json] == ["v1"]
    assert "no model version" in fsictl("model", "show", "../../v1", code=3).err


def test_a_port_that_is_taken_or_impossible_is_said(fsictl: Fsictl) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port}" in fsictl("dashboard", "--port", port, "--no-browser", code=3).err.lower()
    fsictl("dashboard", "--port", 99999, code=3)
    fsictl("dashboard", "--host", "no.such.host.invalid", "--no-browser", code=2)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="nothing says what a process has open")
@pytest.mark.parametrize(
    ("command", "codes"),
    [
        (("generate", "--symbols", "EURUSD"), {0, 130}),
        (("metrics", "run"), {0, 130}),
        (("dashboard", "--port", "0", "--no-browser", "--json"), {0, 130}),
        (("query", "with recursive c(x) as (select 1 union all select x + 1 from c) select max(x) from c"), {130}),
    ],
)
def test_ctrl_c_ends_what_runs(fsictl: Fsictl, prices: Path, command: tuple[str, ...], codes: set[int]) -> None:
    fsictl("metrics", "backfill", "--prices", prices)
    process = fsictl.start(*command)
    eventually(lambda: bool(_busy(process.pid)), "the command works")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in codes, err
    assert "Traceback" not in err


def _busy(pid: int) -> bool:
    """Whether the process has come as far as opening a database, a socket or a lock of its own."""
    opened = [os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()]
    return any(".fsictl" in one or "socket:" in one for one in opened)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="a small disk takes rights to mount")
def test_a_full_or_read_only_disk_is_said_and_leaves_no_rubbish(fsictl: Fsictl, prices: Path) -> None:
    small = fsictl.directory / "small"
    small.mkdir()
    mounting = ["/bin/mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)]
    if subprocess.run(mounting, check=False, capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        out = small / "rows.jsonl"
        assert "space" in fsictl("metrics", "backfill", "--prices", prices, "--out", out, code=3).err
        assert list(small.iterdir()) == []
        assert "space" in fsictl("metrics", "backfill", "--prices", prices, "--workspace", small, code=3).err
        subprocess.run(["/bin/mount", "-o", "remount,ro", str(small)], check=True)
        fsictl("generate", "--duration", "1s", "--speed", "max", "--workspace", small, code=3)
        fsictl("stream", "start", "--workspace", small, code=3)
    finally:
        subprocess.run(["/bin/umount", "--lazy", str(small)], check=True)
