"""Keeps one pipeline process running: restarts it with growing pauses, gives up when it crashes too often.

Run as ``python -m fsictl.backends.local.supervise ROOT NAME COMMAND…`` by the engine. One such process per
pipeline, so that no pipeline depends on another's keeper; it imports nothing heavy.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from fsictl.backends.local.lock import Lock
from fsictl.clock import Clock, SystemClock
from fsictl.errors import FsictlError
from fsictl.ports.engine import PipelineState

SUPERVISOR_VARIABLE = "FSICTL_SUPERVISED_BY"
"""Environment variable with the keeper's process id; a pipeline whose parent is another process ends."""

LOG_VARIABLE = "FSICTL_LOG_FILE"
"""Environment variable with the log that a supervised pipeline writes, and moves aside when it has grown long."""

READY = signal.SIGUSR2
"""The signal by which a pipeline tells its keeper that it has taken up its state and works."""

CRASHES = 5
CRASH_SPAN = 60.0
"""So many crashes within so many seconds, and the pipeline is not tried again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
KILL_AFTER = 5.0
"""Seconds that a pipeline has to end after SIGTERM before it is killed; nothing is lost by that."""

LOG_BYTES, LOG_FILES = 5_000_000, 3

TRY_AGAIN = os.EX_TEMPFAIL
"""The exit code of a pipeline that could not write for now, such as on a full disk: tried again without end."""

_LOOK_AT_LOG_EVERY = 10.0
_STATUS_BYTES, _DETAIL_LENGTH = 4096, 600
_HOPELESS = {2, 3}  # exit codes that another try cannot mend: usage, settings, input, a lock held elsewhere
_PASSING = {4, TRY_AGAIN}  # exit codes of what passes: an outside service or a disk that refuses


def status_file(root: Path, name: str) -> Path:
    """Where the keeper of a pipeline writes how it goes."""
    return root / "run" / f"{name}.status.json"


def supervisor_lock(root: Path, name: str) -> Path:
    """The lock that the keeper holds as long as it lives."""
    return root / "run" / f"{name}.supervisor.lock"


def log_file(root: Path, name: str) -> Path:
    """What the pipeline says."""
    return root / "logs" / f"{name}.log"


def last_lines(file: Path, lines: int) -> list[str]:
    """The last lines of a text file, read from its end; none when there is no file."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 400 * max(lines, 1)))
            return stream.read().decode("utf-8", "replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []


def rotate(file: Path, limit: int = LOG_BYTES, keep: int = LOG_FILES) -> None:
    """Move a log past ``limit`` bytes aside, and forget the oldest of ``keep``."""
    if not file.exists() or file.stat().st_size < limit:
        return
    for number in range(keep - 1, 0, -1):
        older = file.with_suffix(f".log.{number}")
        if older.exists():
            older.replace(file.with_suffix(f".log.{number + 1}"))
    file.replace(file.with_suffix(".log.1"))


class LongLog:
    """Moves this process's own log aside when it has grown long, and goes on in a new one, without losing a line."""

    def __init__(self, file: str | None, clock: Clock) -> None:
        self._file = Path(file) if file else None
        self._clock = clock
        self._looked = clock.monotonic()

    def look(self) -> None:
        """See how long it is, now and then; a disk that allows no new log leaves the old one in use."""
        if self._file is None or self._clock.monotonic() - self._looked < _LOOK_AT_LOG_EVERY:
            return
        self._looked = self._clock.monotonic()
        with suppress(OSError):
            if os.fstat(2).st_size >= LOG_BYTES:
                rotate(self._file)
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(descriptor, 1)
                os.dup2(descriptor, 2)
                os.close(descriptor)


class Supervisor:
    """The keeper of one pipeline."""

    def __init__(self, root: Path, name: str, command: Sequence[str], clock: Clock) -> None:
        self._root, self._name, self._command, self._clock = root, name, list(command), clock
        self._child: subprocess.Popen[bytes] | None = None
        self._signalled: float | None = None  # when the child was asked to end at once
        self._ending = False
        self._draining = False
        self._ready = False
        self._restarts = 0
        self._detail = ""  # why the child crashed last

    def run(self) -> None:
        """Keep the pipeline running until told to stop, until it ends by itself, or until it is hopeless."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGUSR1, self._on_signal)
        signal.signal(READY, self._on_ready)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        crashes: deque[float] = deque()
        pause = FIRST_PAUSE
        while not self._ending:
            code = self._run_once()
            if self._ending or code == 0:
                break
            self._detail = self._last_words(code)
            if code in _HOPELESS:
                self._write(PipelineState.FAILED)
                return
            pause = FIRST_PAUSE if self._ready else min(2 * pause, LONGEST_PAUSE)
            if code not in _PASSING:
                now = self._clock.monotonic()
                crashes.append(now)
                while crashes and now - crashes[0] > CRASH_SPAN:
                    crashes.popleft()
                if len(crashes) >= CRASHES:
                    self._detail = f"it crashed {CRASHES} times within a minute; {self._detail}"
                    self._write(PipelineState.FAILED)
                    return
                pause = min(FIRST_PAUSE * 2 ** (len(crashes) - 1), LONGEST_PAUSE)
            self._write(PipelineState.RESTARTING)
            self._pause(pause)
            self._restarts += 1
        self._detail = ""
        self._write(PipelineState.STOPPED)

    def _run_once(self) -> int:
        file = log_file(self._root, self._name)
        environment = {
            **os.environ,
            SUPERVISOR_VARIABLE: str(os.getpid()),
            LOG_VARIABLE: str(file),
            "PYTHONUNBUFFERED": "1",
        }
        self._ready = False
        descriptor = _open_log(file)
        try:
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, env=environment
            )
        finally:
            os.close(descriptor)
        if self._ending:  # the signal came while the child was being made
            self._child.terminate()
            self._signalled = self._clock.monotonic()
        state = PipelineState.STARTING
        self._write(state)
        told = False
        while True:
            if self._ready and state is PipelineState.STARTING:
                state = PipelineState.RUNNING
                self._write(state)
            if self._ready and self._draining and not told:  # before, the signal would have killed it
                self._child.send_signal(signal.SIGUSR1)
                told = True
            try:
                return self._child.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                if self._signalled is not None and self._clock.monotonic() - self._signalled > KILL_AFTER:
                    self._child.kill()

    def _on_ready(self, _number: int, _frame: FrameType | None) -> None:
        self._ready = True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGUSR1:
            self._draining = True  # a pipeline that is down now comes up once more, to work off what is waiting
            return
        self._ending = True
        self._signalled = self._clock.monotonic()
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def _pause(self, seconds: float) -> None:
        end, draining = self._clock.monotonic() + seconds, self._draining
        while not self._ending and self._draining is draining and self._clock.monotonic() < end:
            self._clock.sleep(0.1)

    def _last_words(self, code: int) -> str:
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        said = " ".join(line for line in last_lines(log_file(self._root, self._name), 2) if line)
        return f"{how}: {said}" if said else how

    def _write(self, state: PipelineState) -> None:
        alive = state in {PipelineState.STARTING, PipelineState.RUNNING}
        file = status_file(self._root, self._name)
        status = {
            "state": state,
            "pid": self._child.pid if self._child is not None and alive else None,
            "restarts": self._restarts,
            "since_ms": self._clock.now_ms(),
            "detail": self._detail[:_DETAIL_LENGTH],
        }
        content = json.dumps(status).encode()
        new = file.with_suffix(".new")
        try:
            _overwrite(new, content)
            new.replace(file)
        except OSError:  # a full disk has room for it in the file that is there, one that is read-only has none
            with suppress(OSError):
                _overwrite(file, content)


def _open_log(file: Path) -> int:
    """The log for appending, an old one moved aside if it is long; nowhere, when the disk does not allow one."""
    try:
        rotate(file)
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def _overwrite(file: Path, content: bytes) -> None:
    """Write over what is there: of one length, so that a file that has its space needs no more."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, content[:_STATUS_BYTES].ljust(_STATUS_BYTES), 0)
    finally:
        os.close(descriptor)


def main(arguments: Sequence[str]) -> None:
    """Supervise ``NAME`` in ``ROOT`` by running ``COMMAND…``; ends at once when another keeper has it."""
    folder, name, *command = arguments
    root, clock = Path(folder), SystemClock()
    try:
        lock = Lock.acquire(supervisor_lock(root, name), f"the keeper of {name}", clock)
    except FsictlError as error:
        sys.exit(f"Error: {error}.")
    try:
        Supervisor(root, name, command, clock).run()
    except OSError as error:  # its pipeline ends with it
        sys.exit(f"The keeper of {name} cannot go on: {error}.")
    finally:
        lock.release()


if __name__ == "__main__":
    main(sys.argv[1:])
