"""A disk between SQLite and the real one, on which something happens at a chosen operation."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import apsw

Hook = Callable[[str], None]
"""Called before every operation that changes a file, with its name; it may raise, wait, or never return."""

NAME = "fsictl-faults"


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename, flags: list[int]) -> None:
        self._disk = disk
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__("unix", name, flags)

    def excepthook(self, *_error: object) -> bool:
        """Say nothing: what a hook raises is meant."""
        return True

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.hook("write")
        self._disk.changes(self._path)
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.hook("truncate")
        self._disk.changes(self._path)
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.hook("sync")
        super().xSync(flags)
        self._disk.is_synced(self._path)


class Disk(apsw.VFS):
    """Every file that is opened after this was made is on it. ``journal`` keeps what a power cut would take back."""

    def __init__(self, hook: Hook, *, journal: bool = False) -> None:
        self.hook = hook
        self._synced: dict[str, bytes] | None = {} if journal else None
        super().__init__(NAME, "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        if name is None:
            return apsw.VFSFile("unix", None, flags)
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.hook("delete")
        super().xDelete(filename, syncdir)

    def excepthook(self, *_error: object) -> bool:
        """Say nothing: what a hook raises is meant."""
        return True

    def changes(self, path: str) -> None:
        """Remember what the file held when it was last synced, before it changes."""
        if self._synced is not None and path not in self._synced:
            self._synced[path] = Path(path).read_bytes()

    def is_synced(self, path: str) -> None:
        """What the file holds now is on the disk for good."""
        if self._synced is not None:
            self._synced.pop(path, None)

    def lose_power(self, chance: random.Random) -> None:
        """Give every file some of the pages back that it had when it was last synced, and end the process.

        A disk may have written any of the pages since then, in any order; its sectors are whole.
        """
        for path, before in (self._synced or {}).items():
            file = Path(path)
            if not file.exists():
                continue
            now, kept = file.read_bytes(), chance.choice([0.0, 0.5, 0.9, 1.0])
            size = len(now) if chance.random() < 0.5 else len(before)
            sectors = []
            for start in range(0, size, 512):
                source = now if chance.random() < kept else before
                sectors.append(source[start : start + 512].ljust(min(512, size - start), b"\0"))
            file.write_bytes(b"".join(sectors))
        os.kill(os.getpid(), signal.SIGKILL)


def kill_at(number: int) -> Hook:
    """Kill the process, as ``kill -9`` does, before its operation of that number (from 1)."""
    left = number

    def hook(_operation: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


def refuse_at(number: int, count: int) -> Hook:
    """Have no space for ``count`` writes, from the operation of that number on."""
    done = 0

    def hook(operation: str) -> None:
        nonlocal done
        done += 1
        if number <= done < number + count and operation == "write":
            message = "no space"
            raise apsw.FullError(message)

    return hook
