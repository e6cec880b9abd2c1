"""The same verbs for one machine, where a folder is all that there is: make it, check it, empty it, remove it."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fsictl.clock import Clock
from fsictl.errors import BusyError, PreconditionError, StorageError

LEAST_FREE = 1_000_000_000
"""Bytes below which a day of prices may not fit."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the local target stands on: what it is, whether it is right, and what was found."""

    what: str
    ok: bool
    found: str
    do: str = ""


def make(root: Path) -> bool:
    """Make the state folder, closed to other users; whether it was not there before."""
    new = not root.is_dir()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the workspace {root} cannot be made: {error.strerror}"
        raise StorageError(message, hint="Use a directory that you may write to: --workspace DIR.") from error
    return new


def findings(root: Path) -> list[Finding]:
    """What is right and wrong with the folder and its disk; nothing is changed."""
    if not root.is_dir():
        return [Finding("state folder", False, f"{root} is not there", "`fsictl infra up` makes it.")]
    private = root.stat().st_mode & 0o077 == 0
    free = shutil.disk_usage(root).free
    return [
        Finding("state folder", True, str(root)),
        Finding("for this user alone", private, f"mode {root.stat().st_mode & 0o777:o}", f"chmod 700 {root}"),
        Finding("can be written", _writable(root), "a file was tried", "Use another --workspace, or change its owner."),
        Finding("disk", free >= LEAST_FREE, f"{free / 1e9:,.1f} GB free", "Free some space."),
    ]


def _writable(root: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=root):
            return True
    except OSError:
        return False


def size(root: Path) -> int:
    """Bytes of all files in the folder."""
    return sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() or path.is_symlink())


CLOUD_STATE = Path("terraform", "terraform.tfstate")
"""The only memory of what was made on Google Cloud, if its state is kept here."""


def check_removable(root: Path) -> None:
    """Raise ``PreconditionError`` when the folder holds what is not the local target's to remove."""
    state = root / CLOUD_STATE
    if state.is_file() and '"type": "google_' in state.read_text(encoding="utf-8", errors="replace"):
        message = f"{state} is the only memory of what is on Google Cloud"
        raise PreconditionError(message, hint="Take that down first: `fsictl infra down --target gcp`.")


ENDS_WITHIN = 10.0
"""Seconds that a process which was told to end may still have files open."""

_LOOK_EVERY = 0.2


def check_unused(root: Path, clock: Clock) -> None:
    """Raise ``BusyError`` when another process keeps a file of the folder open, such as a publisher or the page."""
    end = clock.monotonic() + ENDS_WITHIN
    while users := [process for process in _processes() if _has_open(process, root)]:
        if clock.monotonic() >= end:
            command = " ".join(_command_line(users[0])[-4:])
            message = f"process {users[0].name} ({command}) uses {root}"
            raise BusyError(message, hint="End it (Ctrl-C, or `kill` and its number), then run it again.")
        clock.sleep(_LOOK_EVERY)


def _processes() -> list[Path]:
    """Every process but this one."""
    return [process for process in Path("/proc").glob("[0-9]*") if int(process.name) != os.getpid()]


def _has_open(process: Path, root: Path) -> bool:
    with suppress(OSError):  # it is somebody else's, or it has ended
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):
                if os.readlink(descriptor).startswith(f"{root}/"):
                    return True
    return False


def _command_line(process: Path) -> list[str]:
    with suppress(OSError):
        return (process / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    return ["?"]


def remove(root: Path) -> None:
    """Remove the folder with everything in it, and make sure that it is gone."""
    try:
        shutil.rmtree(root)
    except OSError as error:
        message = f"{error.filename or root} cannot be removed: {error.strerror or error}"
        raise StorageError(message, hint="Stop what uses it, look who owns it, and run it again.") from error
