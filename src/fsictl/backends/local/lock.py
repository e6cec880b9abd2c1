"""Locks by name that end with the process that holds them."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from fsictl.backends.local.layout import make_private
from fsictl.clock import Clock
from fsictl.errors import BusyError, StorageUnavailableError

_WAIT = 0.01
_PATIENCE = 0.1
"""Seconds to try at least: somebody who asks for the holder has a shared lock for an instant."""


_CONTENT_BYTES = 128


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: the process, and since when (ms); ``None`` in the instant before it has said so."""

    pid: int | None
    since_ms: int | None


class Lock:
    """An exclusive lock that is held until it is released or the process ends, however it ends.

    The lock is the operating system's (``flock``), not the file: a file that was left behind locks nothing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path, what: str, clock: Clock, *, patience: float = _PATIENCE) -> Self:
        """Take the lock of that file; ``BusyError`` says who holds it, ``what`` is what the message calls it.

        It tries for ``patience`` seconds.
        """
        with _storage_errors(path):
            make_private(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with _storage_errors(path):
                if not _try_exclusive(descriptor, clock, patience):
                    raise _busy(what, _read(descriptor))
                pid = os.getpid()
                said = {"pid": pid, "since_ms": clock.now_ms(), "born": _birth(pid)}
                # Of one length and over what was there: that needs no new space on a full disk.
                os.pwrite(descriptor, json.dumps(said).encode().ljust(_CONTENT_BYTES), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.pwrite(self._descriptor, b"{}".ljust(_CONTENT_BYTES), 0)
            os.close(self._descriptor)
            self._descriptor = None


def holder(path: Path) -> Holder | None:
    """Who holds the lock of that file now; ``None`` when nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    except OSError:  # a file system without locks: nobody can hold one
        return None
    else:
        return None
    finally:
        os.close(descriptor)


def _try_exclusive(descriptor: int, clock: Clock, patience: float) -> bool:
    end = clock.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() >= end:
                return False
            clock.sleep(_WAIT)
        else:
            return True


def _read(descriptor: int) -> Holder:
    """What the file says of its holder, unless it is of an earlier one whose number another process has now."""
    try:
        content = json.loads(os.pread(descriptor, 4096, 0))
        pid, since_ms = int(content["pid"]), int(content["since_ms"])
        if content["born"] == _birth(pid):
            return Holder(pid, since_ms)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return Holder(None, None)


def _birth(pid: int) -> str | None:
    """When that process began, in the kernel's own count since boot; ``None`` when there is none, or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def _busy(what: str, by: Holder) -> BusyError:
    who = "in another process"
    if by.pid is not None and by.since_ms is not None:
        since = datetime.fromtimestamp(by.since_ms / 1000, UTC)
        who = f"in process {by.pid}, since {since:%Y-%m-%d %H:%M:%S} UTC"
    return BusyError(f"{what} is already running {who}", hint="Stop it first, or use another workspace.")


@contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"{path} cannot be locked: {error.strerror or error}"
        hint = "Check the permissions, or use a workspace on a local disk."
        raise StorageUnavailableError(message, hint=hint) from error
