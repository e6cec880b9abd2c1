"""The command as people run it: in processes of its own, in a directory of its own, and with an end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import fsictl

SOURCE = str(Path(fsictl.__file__).parents[1])
"""Where the package under test is, installed or not."""

LONGEST = 120.0
"""Seconds after which a command or a wait has failed; far more than a loaded machine needs."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@dataclass(slots=True)
class Fsictl:
    """Runs the command in ``directory``; everything that it starts is gone in the end."""

    directory: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __call__(self, *arguments: object, code: int = 0, env: Mapping[str, str] | None = None) -> Done:
        """Run to the end; the exit code must be ``code``, and nobody may see a traceback."""
        out, err = self.start(*arguments, env=env).communicate(timeout=LONGEST)
        done = Done(self.started.pop().returncode, out, err)
        assert "Traceback" not in out + err, err
        assert done.code == code, err
        if code == 3:
            assert_two_sentences(done)
        return done

    def start(self, *arguments: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it and return at once; Ctrl-C reaches it, as it would from a terminal."""
        # Tests that were started in the background of a shell ignore it, and so would their children.
        ours = signal.signal(signal.SIGINT, signal.default_int_handler)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "fsictl", *(str(one) for one in arguments)],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": SOURCE, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        signal.signal(signal.SIGINT, ours)
        self.started.append(process)
        return process

    def write(self, name: str, content: str | bytes) -> Path:
        """A file in the directory."""
        file = self.directory / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def query(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a question to the tables."""
        rows = self("query", sql, "--limit", 1_000_000, "--json").json
        assert isinstance(rows, list)
        return rows

    def pipelines(self) -> dict[str, dict[str, Any]]:
        """What `stream status` says, by pipeline."""
        return {one["pipeline"]: one for one in self("stream", "status", "--json").json}

    def processes(self) -> dict[int, str]:
        """The processes of this directory that are alive, with their command lines."""
        listed = subprocess.run(
            ["/bin/ps", "-ww", "-eo", "pid=,stat=,args="], capture_output=True, text=True, check=True
        ).stdout
        found = {}
        for line in listed.splitlines():
            pid, state, command = line.split(maxsplit=2)
            if str(self.directory) in command and not state.startswith("Z"):
                found[int(pid)] = command
        return found


def assert_two_sentences(done: Done) -> None:
    """A fault of the user's is told in one sentence, and the next one says what to do; nothing is on stdout."""
    *_, wrong, hint = done.err.splitlines()
    assert wrong.startswith("Error: "), done.err
    assert wrong.endswith("."), done.err
    assert hint, done.err
    assert done.out == ""


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until ``holds()``; the test fails when it never does."""
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.1)


@pytest.fixture(name="fsictl")
def fsictl_here(tmp_path: Path) -> Iterator[Fsictl]:
    """The command in an empty directory; the test fails if a process outlives it."""
    command = Fsictl(tmp_path)
    yield command
    for process in command.started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    left = command.processes()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "processes outlived the test"


@pytest.fixture(scope="session")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty minutes of one pair."""
    command = Fsictl(tmp_path_factory.mktemp("prices"))
    series = ("--duration", "20m", "--symbols", "EURUSD", "--seed", "1", "--start", "2024-01-01T00:00:00Z")
    command("generate", *series, "--speed", "max", "--out", "prices.csv")
    return command.directory / "prices.csv"
