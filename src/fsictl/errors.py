"""Every error a user can cause, as one tree.

::

    FsictlError                 what is wrong + what to do next, and the exit code
    ├── UsageError          2   the command was called in a way it does not understand
    ├── PreconditionError   3   settings, input or the state of the workspace do not allow it
    │   ├── SettingsError       a setting has a value that it cannot have
    │   ├── InputError          a file, row or message cannot be read
    │   ├── MissingExtraError   a part of the program that was not installed with it is needed
    │   ├── BusyError           something else already runs or holds a lock
    │   ├── StorageError        a disk or a directory refuses to keep the data
    │   │   └── StorageUnavailableError    it refuses for now: full, read-only, busy; the same call may succeed later
    │   └── NotEnoughDataError  there is too little data for what was asked
    ├── ServiceError        4   an outside service failed; trying again may help
    └── CheckFailedError    5   a check said no: parity differs, a gate refused, a job failed

Only ``fsictl.cli.main`` turns them into text and exit codes; anything that is not in this tree is a bug of ours.
"""

from __future__ import annotations

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended before it had done what was asked."""


class FsictlError(Exception):
    """A known failure: one sentence that says what is wrong, and one that says what to do next.

    >>> error = InputError("prices.csv is empty", hint="Give a file with at least one price.")
    >>> str(error), error.hint, error.exit_code
    ('prices.csv is empty', 'Give a file with at least one price.', 3)
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(FsictlError):
    """The command was called in a way it does not understand."""

    exit_code = 2


class PreconditionError(FsictlError):
    """Settings, input or the state of the workspace do not allow what was asked."""

    exit_code = 3


class SettingsError(PreconditionError):
    """A setting has a value that it cannot have; the message names key, value and origin."""


class InputError(PreconditionError):
    """A file, row or message cannot be read as what it should be."""


class MissingExtraError(PreconditionError):
    """A library is needed that only comes with an extra of the package; the hint is its pip install.

    >>> MissingExtraError(library="Apache Beam", extra="beam").hint
    "Install it with: pip install 'fsictl[beam]'"
    """

    def __init__(self, *, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed", hint=f"Install it with: pip install 'fsictl[{extra}]'")


class BusyError(PreconditionError):
    """Something else already runs, or holds the lock or port that is needed."""


class StorageError(PreconditionError):
    """A disk or a directory refuses to keep the data: full, read-only or damaged."""


class StorageUnavailableError(StorageError):
    """A disk or a directory refuses for now: full, read-only, failing, or held by another writer for too long.

    Nothing was written, and the same call may succeed later: what runs unattended tries again.
    """


class NotEnoughDataError(PreconditionError):
    """There is too little data for what was asked; nothing was changed."""


class ServiceError(FsictlError):
    """An outside service failed; the same call may succeed later."""

    exit_code = 4


class CheckFailedError(FsictlError):
    """A check said no: two results differ, a gate refused, a job failed."""

    exit_code = 5
