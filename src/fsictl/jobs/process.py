"""A workload in a process of its own: how it is started, listened to, ended, and what its end means."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from fsictl.jobs.request import JobRequest

TRY_AGAIN = os.EX_TEMPFAIL
"""The exit code of a workload that could not write for now."""

_PASSING = {4, TRY_AGAIN}
_LINE = 1000
"""Characters of a line that are kept."""

_KEPT_LINES = 1000
"""Lines that may wait to be taken; of more, the oldest are lost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a workload ended: what it said last, its result as JSON, and whether another attempt may help."""

    succeeded: bool
    detail: str
    result: str | None = None
    passing: bool = False


class WorkProcess:
    """One running workload: a process that gets the request on stdin and answers with one JSON document.

    Its stdin stays open: when it ends, the worker is gone, and the workload ends itself (see :func:`end_with_parent`).
    """

    def __init__(self, command: Sequence[str], request: JobRequest, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # it and what it starts are ended together
        )
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._last: deque[str] = deque(maxlen=2)
        self._answer: list[bytes] = []
        self._readers = [
            threading.Thread(target=self._read_lines, args=(_pipe(self._process.stderr),), daemon=True),
            threading.Thread(target=self._read_answer, args=(_pipe(self._process.stdout),), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        told = {"workload": request.workload, "run_date": request.run_date.isoformat(), "params": dict(request.params)}
        with suppress(BrokenPipeError):  # it has ended already; its exit code tells more
            stdin = _pipe(self._process.stdin)
            stdin.write(json.dumps(told).encode() + b"\n")
            stdin.flush()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def lines(self) -> list[str]:
        """What it has logged since the last call."""
        taken = []
        with suppress(IndexError):
            while True:
                taken.append(self._lines.popleft())
        return taken

    def outcome(self) -> Outcome | None:
        """How it ended; ``None`` while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        self._close()
        if code == 0:
            return _answered(b"".join(self._answer))
        said = " ".join(self._last).removeprefix("Error: ")
        how = (
            f"it was killed by {signal.Signals(-code).name}" if code < 0 else said or f"it ended with exit code {code}"
        )
        return Outcome(False, how, passing=code < 0 or code in _PASSING)

    def kill(self) -> None:
        """End it and everything that it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close()

    def _close(self) -> None:
        """Wait until everything that it said is read; something that it left behind may hold the pipes for longer."""
        with suppress(OSError):
            _pipe(self._process.stdin).close()
        for reader in self._readers:
            reader.join(timeout=5.0)

    def _read_lines(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").rstrip()[:_LINE]
                if line:
                    self._lines.append(line)
                    self._last.append(line)

    def _read_answer(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                self._answer.append(raw)


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise AssertionError
    return stream


def _answered(raw: bytes) -> Outcome:
    try:
        answer = json.loads(raw)
        detail = str(answer["detail"])
        return Outcome(True, detail, json.dumps(answer["result"], sort_keys=True))
    except (ValueError, KeyError, TypeError):
        return Outcome(False, "it ended well, but did not say what it made")


def end_with_parent(stdin: int) -> None:
    """End this process, and all that it has started, as soon as nobody holds the other end of that descriptor.

    Reads in a thread; call it when the request has been read.
    """

    def wait() -> None:
        while os.read(stdin, 1024):  # not a buffered read: that would hold a lock which the end of the process needs
            pass
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
