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

from fsictl.clock import Clock
from fsictl.errors import BusyError, StorageError

_TRIES = 10
_WAIT = 0.01


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
    def acquire(cls, path: Path, what: str, clock: Clock) -> Self:
        """Take the lock of that file; ``BusyError`` says who holds it, ``what`` is what the message calls it."""
        with _storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with _storage_errors(path):
                if not _try_exclusive(descriptor, clock):
                    raise _busy(what, _read(descriptor))
                content = json.dumps({"pid": os.getpid(), "since_ms": clock.now_ms()}).encode()
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, content, 0)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
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


def _try_exclusive(descriptor: int, clock: Clock) -> bool:
    for attempt in range(_TRIES):  # somebody who asks for the holder has a shared lock for an instant
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < _TRIES:
                clock.sleep(_WAIT)
        else:
            return True
    return False


def _read(descriptor: int) -> Holder:
    try:
        content = json.loads(os.pread(descriptor, 4096, 0))
        return Holder(int(content["pid"]), int(content["since_ms"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(None, None)


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
        raise StorageError(message, hint="Check the permissions, or use a workspace on a local disk.") from error
