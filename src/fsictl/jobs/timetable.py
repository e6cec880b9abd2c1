"""Entries of the schedule that were added by command, in a small file beside the settings."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fsictl.errors import InputError, StorageError


class Timetable:
    """Entries by their text, each with the time (ms) at which it was added; the file need not be there."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def entries(self) -> dict[str, int]:
        """Every entry that was added, in that order."""
        try:
            read = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(text): int(at) for text, at in read.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            message = f"{self._file} is not a list of entries of the schedule"
            raise InputError(message, hint="Remove it, and add the entries again.") from error

    def add(self, text: str, at: int) -> bool:
        """Add an entry; whether it is new."""
        with self._change() as entries:
            new = text not in entries
            entries.setdefault(text, at)
        return new

    def remove(self, fits: Callable[[str], bool]) -> list[str]:
        """Remove the entries that fit; returns them."""
        with self._change() as entries:
            gone = [text for text in entries if fits(text)]
            for text in gone:
                del entries[text]
        return gone

    @contextmanager
    def _change(self) -> Iterator[dict[str, int]]:
        """The entries, to be changed; one program at a time, and readers see the old ones or the new ones."""
        try:
            with self._file.with_suffix(".lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                entries = self.entries()
                yield entries
                new = self._file.with_suffix(".new")
                new.touch(mode=0o600)
                new.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
                os.replace(new, self._file)
        except OSError as error:
            message = f"{self._file} cannot be written: {error.strerror or error}"
            raise StorageError(message, hint="Check the permissions of the workspace.") from error
