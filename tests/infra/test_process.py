from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from fsictl.errors import BusyError
from fsictl.infra.process import Ended, held, ignore_interrupts, run_process

COUNTS = """
import signal, sys, time
seen = 0
def on(number, frame):
    global seen
    seen += 1
    print("interrupt", seen, flush=True)
signal.signal(signal.SIGINT, on)
print("ready", flush=True)
while seen < {least}:
    time.sleep(0.01)
print("grace", flush=True)
time.sleep({grace})
sys.exit(7)
"""


@pytest.fixture(autouse=True)
def _interruptible() -> None:
    """Tests that a shell started in the background would ignore interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _run(code: str, folder: Path, on_line: object, seen: list[int]) -> Ended:
    return run_process(
        [sys.executable, "-c", code],
        folder=folder,
        environment=dict(os.environ),
        on_line=on_line,  # type: ignore[arg-type]
        on_interrupt=seen.append,
    )


def test_lines_code_and_stderr_come_back(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import os, sys; print('a'); print(os.getcwd()); sys.stderr.write('why'); sys.exit(3)"
    assert _run(code, tmp_path, lines.append, []) == Ended(3, "why", 0)
    assert lines == ["a", str(tmp_path)]


def test_the_first_interrupt_is_passed_on_the_second_is_not_the_third_is(tmp_path: Path) -> None:
    lines: list[str] = []
    seen: list[int] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line == "ready":
            os.kill(os.getpid(), signal.SIGINT)
        elif line == "interrupt 1":
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    ended = _run(COUNTS.format(least=2, grace=0), tmp_path, on_line, seen)
    assert lines == ["ready", "interrupt 1", "interrupt 2", "grace"]
    assert seen == [1, 2, 3]
    assert ended == Ended(7, "", 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_machine_that_stops_may_say_so_often(tmp_path: Path) -> None:
    lines: list[str] = []
    seen: list[int] = []

    def on_line(line: str) -> None:
        lines.append(line)
        if line in {"ready", "interrupt 1", "grace"}:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    ended = _run(COUNTS.format(least=1, grace=0.2), tmp_path, on_line, seen)
    assert lines == ["ready", "interrupt 1", "grace"]
    assert (seen, ended.interrupts) == ([1], 1)


def test_the_child_is_not_in_the_session_of_the_terminal(tmp_path: Path) -> None:
    lines: list[str] = []
    _run("import os; print(os.getsid(0) == os.getpid())", tmp_path, lines.append, [])
    assert lines == ["True"]


def test_a_reader_that_fails_does_not_leave_the_child_alone(tmp_path: Path) -> None:
    def on_line(line: str) -> None:
        (tmp_path / "pid").write_text(line)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _run("import os, time; print(os.getpid(), flush=True); time.sleep(60)", tmp_path, on_line, [])
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with held(file, "busy", "wait."), pytest.raises(BusyError, match="busy"), held(file, "busy", "wait."):
        raise AssertionError
    with held(file, "busy", "wait."):
        ignore_interrupts(1)
