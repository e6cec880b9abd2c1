"""One run of Terraform: its lines as they come, and a Ctrl-C that does not leave the state locked.

Terraform gets a process session of its own. A terminal sends Ctrl-C to everybody in the foreground, and a second
one makes Terraform drop what it is doing; in its own session it only hears what this process passes on.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

ENOUGH = 3
"""The Ctrl-C that ends Terraform at once: the first asks it to stop, the second is told what this one would do."""

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: exit code, what it said on stderr, and how often it was interrupted."""

    code: int
    stderr: str
    interrupts: int


def run_process(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    on_interrupt: Callable[[int], None],
) -> Ended:
    """Run a command to its end, giving each line of its stdout to ``on_line``.

    The first SIGINT (or SIGTERM, SIGHUP) that this process gets is passed on once, and the run is waited for; the
    second changes nothing; the third ends it at once. ``on_interrupt`` gets the number of each.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr, _Interrupts(on_interrupt) as asked:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        asked.forward_to(process)
        try:
            for line in process.stdout or ():
                on_line(line.rstrip("\n"))
            code = process.wait()
        except BaseException:  # what reads the lines is broken: Terraform must not go on alone
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()
        stderr.seek(0)
        return Ended(code, stderr.read(), asked.number)


class _Interrupts:
    """Counts interrupts while a process runs, and passes the first and the last on."""

    def __init__(self, on_interrupt: Callable[[int], None]) -> None:
        self.number = 0
        self._on_interrupt = on_interrupt
        self._process: subprocess.Popen[str] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> _Interrupts:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            for number in _FORWARDED:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def forward_to(self, process: subprocess.Popen[str]) -> None:
        """The process to pass interrupts on to; one that came before it was there is passed on now."""
        self._process = process
        if self.number:
            self._pass_on()

    def _handle(self, number: int, _: FrameType | None) -> None:
        if number != signal.SIGINT and self.number:
            return  # a machine that stops sends several; only a person at the keyboard means more by more
        self.number += 1
        if self.number in {1, ENOUGH}:
            self._pass_on()
        self._on_interrupt(self.number)

    def _pass_on(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)


def ignore_interrupts(_: int) -> None:
    """For runs that have nothing to say about it."""


@contextlib.contextmanager
def held(path: Path, message: str, hint: str) -> Iterator[None]:
    """Hold the lock of a file that this process alone may have; ``BusyError`` when another has it."""
    import fcntl

    from fsictl.errors import BusyError

    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(message, hint=hint) from None
        yield
