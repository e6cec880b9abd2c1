"""The local engine: every pipeline is a process of its own with a keeper that restarts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from fsictl.backends.local.database import storage_errors
from fsictl.backends.local.lock import Lock, holder
from fsictl.backends.local.supervise import KILL_AFTER, last_lines, log_file, status_file, supervisor_lock
from fsictl.clock import Clock
from fsictl.errors import BusyError, PreconditionError
from fsictl.ports.engine import PipelineState, PipelineStatus

_KEEPER_ENDS_WITHIN = 5.0

START_WITHIN = 60.0
"""Seconds that a pipeline has to come up; a loaded machine needs several."""


class LocalEngine:
    """Starts, watches and stops pipelines in the state folder ``root``.

    ``command`` gives the command line that runs a pipeline in the foreground. Locks, not process ids, say what
    is alive: the system frees them when a process ends, however it ends.
    """

    def __init__(self, root: Path, command: Callable[[str], Sequence[str]], clock: Clock) -> None:
        self._root, self._command, self._clock = root, command, clock
        self._keepers: dict[str, int] = {}  # process ids of the keepers that this process has started

    def start(self, pipelines: Sequence[str]) -> None:
        """Start these, all or none: ``BusyError`` when one runs, ``PreconditionError`` when one does not come up."""
        with storage_errors(self._root):
            for folder in ("run", "logs"):
                (self._root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        # One at a time: of two who start the same, the second one finds it running.
        starting = self._root / "run" / "start.lock"
        lock = Lock.acquire(starting, "another `fsictl stream start`", self._clock, patience=2 * START_WITHIN)
        try:
            self._start(pipelines)
        finally:
            lock.release()

    def _start(self, pipelines: Sequence[str]) -> None:
        for name in pipelines:
            by = holder(supervisor_lock(self._root, name)) or holder(self._pipeline_lock(name))
            if by is not None:
                message = f"{name} already runs here (process {by.pid})"
                hint = "See `fsictl stream status`; end it with `fsictl stream stop`."
                raise BusyError(message, hint=hint)
        try:
            for name in pipelines:
                status_file(self._root, name).unlink(missing_ok=True)
                self._spawn(name)
            for name in pipelines:
                self._wait_until_up(name)
        except BaseException:
            for name in pipelines:
                self._give_up(name)
            raise

    def _spawn(self, name: str) -> None:
        """Start the keeper of a pipeline in a session of its own, so that it outlives this process and its terminal."""
        arguments = [sys.executable, "-P", "-m", "fsictl.backends.local.supervise", str(self._root), name]
        log = str(log_file(self._root, name))
        self._keepers[name] = os.posix_spawn(
            sys.executable,
            [*arguments, *self._command(name)],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )

    def _reap(self, name: str, options: int = 0) -> bool:
        """Take a keeper that this process started out of the process table; whether it has ended."""
        if name not in self._keepers:
            return True
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(self._keepers[name], options)[0] == 0:
                return False
        del self._keepers[name]
        return True

    def _give_up(self, name: str) -> None:
        if not self._reap(name, os.WNOHANG):
            os.kill(self._keepers[name], signal.SIGTERM)
            self._reap(name)

    def _wait_until_up(self, name: str) -> None:
        end = self._clock.monotonic() + START_WITHIN
        while self._clock.monotonic() < end:
            ended = self._reap(name, os.WNOHANG)  # asked first: what it wrote last is there when it has ended
            status = self._status_of(name)
            if status is not None and status.state is PipelineState.RUNNING:
                return
            if ended or (status is not None and status.state in {PipelineState.FAILED, PipelineState.RESTARTING}):
                break
            self._clock.sleep(0.05)
        status = self._status_of(name)
        why = status.detail if status is not None else " ".join(self.logs(name, 2))
        message = f"{name} did not start{f': {why}' if why else ''}"
        raise PreconditionError(message, hint=f"See `fsictl stream logs {name}`.")

    def stop(self, pipelines: Sequence[str], *, drain: bool, timeout: float) -> list[str]:
        """Stop these one after the other in the order given, so that a drained one hands all its work on."""
        stopped: list[str] = []
        for together in [[name] for name in pipelines] if drain else [list(pipelines)]:
            running = [name for name in together if self._tell(name, signal.SIGUSR1 if drain else signal.SIGTERM)]
            for name in running:
                self._wait_until_down(name, timeout)
            stopped += running
        return stopped

    def _wait_until_down(self, name: str, timeout: float) -> None:
        """Wait for the keeper to end; after ``timeout`` seconds of draining it is told to end at once."""
        end = self._clock.monotonic() + timeout
        told = False
        while holder(supervisor_lock(self._root, name)) is not None:
            late = self._clock.monotonic() - end
            if late > 0 and not told:
                told = self._tell(name, signal.SIGTERM)
            elif late > KILL_AFTER + _KEEPER_ENDS_WITHIN:  # it is stuck itself; its pipeline ends with it
                self._tell(name, signal.SIGKILL)
            self._clock.sleep(0.05)
        self._reap(name)

    def _tell(self, name: str, number: signal.Signals) -> bool:
        """Send the keeper a signal; whether there is one.

        The process is opened first and the lock is asked after that, so that the number cannot have become another's.
        """
        lock = supervisor_lock(self._root, name)
        keeper = holder(lock)
        if keeper is None or not keeper.pid:
            return False
        with contextlib.suppress(ProcessLookupError):
            process = os.pidfd_open(keeper.pid)
            try:
                if holder(lock) == keeper:
                    signal.pidfd_send_signal(process, number)
            finally:
                os.close(process)
        return True

    def status(self) -> list[PipelineStatus]:
        """Every pipeline that was ever started here, by name."""
        names = sorted(file.name.removesuffix(".status.json") for file in (self._root / "run").glob("*.status.json"))
        return [status for name in names if (status := self._status_of(name)) is not None]

    def _status_of(self, name: str) -> PipelineStatus | None:
        try:
            known = json.loads(status_file(self._root, name).read_text())
            state, pid, detail = PipelineState(known["state"]), known["pid"], str(known["detail"])
            restarts, since_ms = int(known["restarts"]), int(known["since_ms"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):  # no file, or not one of ours
            return None
        alive = holder(supervisor_lock(self._root, name)) is not None
        if not alive and state not in {PipelineState.FAILED, PipelineState.STOPPED}:
            state, detail = PipelineState.STOPPED, "its keeper was killed, or the machine stopped"
        return PipelineStatus(name, state, pid if alive else None, restarts, since_ms, detail)

    def logs(self, pipeline: str, lines: int) -> list[str]:
        """The last lines that the pipeline wrote, restarts included."""
        return last_lines(log_file(self._root, pipeline), lines)

    def _pipeline_lock(self, name: str) -> Path:
        return self._root / "run" / f"{name}.lock"
