from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import NoReturn

import pytest

from fsictl import __version__
from fsictl.cli import main as program
from fsictl.cli.main import main
from fsictl.cli.session import Session
from fsictl.errors import BusyError, CheckFailedError, FsictlError, InputError, ServiceError, SettingsError, UsageError


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _raise(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a", hint="b."), 2),
        (SettingsError("a", hint="b."), 3),
        (InputError("a", hint="b."), 3),
        (BusyError("a", hint="b."), 3),
        (ServiceError("a", hint="b."), 4),
        (CheckFailedError("a", hint="b."), 5),
    ],
)
def test_a_known_error_is_two_sentences_and_its_exit_code(
    error: FsictlError, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "app", lambda **_: _raise(error))
    assert main([]) == code
    assert capsys.readouterr() == ("", "Error: A.\nb.\n")


def test_a_bug_is_one_line_and_a_traceback_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "app", lambda **_: _raise(ZeroDivisionError("oh\nno")))
    assert main(["status"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "bug of fsictl (ZeroDivisionError: oh)" in said
    assert "--verbose" in said
    assert main(["status", "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_what_a_disk_refuses_is_not_a_bug(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "app", lambda **_: _raise(OSError(number, "it refuses", "/some/file")))
    assert main([]) == 3
    assert capsys.readouterr().err.startswith("Error: /some/file: it refuses.\n")


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "app", lambda **_: _raise(KeyboardInterrupt()))
    assert main([]) == 130


def test_an_unknown_command_or_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 2
    assert main(["status", "--fly"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fsictl {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["query", "select 1"],
        ["metrics", "show", "EURUSD"],
        ["alerts", "list"],
        ["dead-letter", "list"],
        ["model", "list"],
        ["model", "show"],
        ["model", "promote"],
        ["model", "rollback"],
        ["train", "--now"],
        ["infer", "batch"],
        ["stream", "status"],
        ["stream", "stop"],
        ["stream", "logs", "sink"],
        ["metrics", "backfill"],
        ["export", "prices", "--out", "x.csv"],
    ],
)
def test_without_a_workspace_every_look_says_what_to_do_first(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "there is no fsictl workspace" in said.err.lower()
    assert "fsictl demo" in said.err


def test_init_writes_a_file_that_every_command_can_read_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 0
    assert (tmp_path / "fsictl.toml").is_file()
    assert (tmp_path / ".fsictl").stat().st_mode & 0o077 == 0
    assert main(["init"]) == 3
    assert "--force" in capsys.readouterr().err
    assert main(["init", "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"] == str(tmp_path / "fsictl.toml")


def test_common_options_work_before_and_after_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert main(["--workspace", str(other), "init"]) == 0
    assert main(["init", "--workspace", str(tmp_path)]) == 0
    assert (other / "fsictl.toml").exists()
    assert (tmp_path / "fsictl.toml").exists()
    capsys.readouterr()
    for arguments in (["--json", "query", "select 1 as one"], ["query", "select 1 as one", "--json"]):
        assert main(arguments) == 0
        assert json.loads(capsys.readouterr().out) == [{"one": 1}]


def test_a_wrong_setting_is_named_with_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fsictl.toml").write_text("[metrics]\nwindow = 1\n")
    assert main(["stream", "start"]) == 3
    assert "metrics.window is 1 (from fsictl.toml)" in capsys.readouterr().err.replace("Metrics", "metrics")
    monkeypatch.setenv("FSICTL_METRICS_WINDOW", "ten")
    assert main(["stream", "start"]) == 3
    assert "FSICTL_METRICS_WINDOW" in capsys.readouterr().err
    assert main(["metrics", "run", "--window", "-5"]) == 3
    assert "--window" in capsys.readouterr().err


def test_an_unknown_target_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--target", "moon"]) == 5
    assert "one of local" in capsys.readouterr().out


def test_doctor_tells_versions_and_strange_variables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json"]) == 0
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["fsictl"]["found"] == __version__
    assert all(row["ok"] for row in rows.values())
    monkeypatch.setenv("FSICTL_METRICS_RSI_WINDOWS", "3")
    assert main(["doctor", "--json"]) == 5
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["environment"]["found"] == "FSICTL_METRICS_RSI_WINDOWS"


def test_a_session_keeps_to_its_workspace_variable(tmp_path: Path) -> None:
    from fsictl.cli.options import CommonOptions

    session = Session(CommonOptions(), environment={"FSICTL_WORKSPACE": str(tmp_path / "w")})
    assert session.root == tmp_path / "w" / ".fsictl"
