"""One run of Terraform: its lines as they come, and a Ctrl-C that does not leave the state locked.

Terraform gets a process session of its own. A terminal sends Ctrl-C to everybody in the foreground, and a second
one makes Terraform drop what it is doing; in its own session it only hears what this process passes on.

What Terraform says goes through a file, not a pipe: should this process be killed, Terraform goes on to its end and
writes down what it made, where a broken pipe would have ended it in the middle.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from fsictl.errors import BusyError

ENOUGH = 3
"""The Ctrl-C that ends Terraform at once: the first asks it to stop, the second is told what this one would do."""

_LOOK_EVERY = 0.05
"""Seconds between two looks for new lines."""

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
    with ExitStack() as stack:
        asked = stack.enter_context(_Interrupts(on_interrupt))
        said, stdout = stack.enter_context(_written_and_read(folder))
        complaints, stderr = stack.enter_context(_written_and_read(folder))
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        asked.forward_to(process)
        try:
            for line in _lines(said, process):
                on_line(line)
        except BaseException:  # what takes the lines is broken: Terraform must not go on alone
            process.send_signal(signal.SIGINT)
            process.wait()
            raise
        return Ended(process.wait(), complaints.read(), asked.number)


@contextmanager
def _written_and_read(folder: Path) -> Iterator[tuple[IO[str], IO[bytes]]]:
    """A file without a name: one end to read from, one to write to."""
    with ExitStack() as stack:
        written = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder, delete=False))
        read = stack.enter_context(open(written.name, encoding="utf-8", errors="replace", newline="\n"))
        os.unlink(written.name)
        yield read, written.file


def _lines(file: IO[str], process: subprocess.Popen[bytes]) -> Iterator[str]:
    """The lines that a process writes to a file, as they come, until it has ended."""
    part, ended = "", False
    while True:
        part += file.readline()
        if part.endswith("\n"):
            yield part.rstrip("\n")
            part = ""
        elif ended:
            break
        else:
            try:
                process.wait(_LOOK_EVERY)
                ended = True  # what it wrote last is read in one more round
            except subprocess.TimeoutExpired:
                continue
    if part:
        yield part


class _Interrupts:
    """Counts interrupts while a process runs, and passes the first and the last on."""

    def __init__(self, on_interrupt: Callable[[int], None]) -> None:
        self.number = 0
        self._on_interrupt = on_interrupt
        self._process: subprocess.Popen[bytes] | None = None
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

    def forward_to(self, process: subprocess.Popen[bytes]) -> None:
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
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGINT)


def ignore_interrupts(_: int) -> None:
    """For runs that have nothing to say about it."""


@contextmanager
def held(path: Path, message: str, hint: str) -> Iterator[None]:
    """Hold the lock of a file that this process alone may have; ``BusyError`` when another has it."""
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(message, hint=hint) from None
        yield
