"""SQLite files: how they are opened, written in transactions, and what their errors mean."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

import apsw

from fsictl.backends.local.layout import make_private
from fsictl.backends.local.policy import Synchronous
from fsictl.errors import FsictlError, StorageError, StorageUnavailableError

VERSION = 1
"""The version of the tables that this program writes, kept in each file as ``user_version``."""

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another one; the longest transactions are those of a large backfill."""

_CHECKPOINT_PAGES = 4000  # 16 MB of log before it is moved to the file: a sixth faster than SQLite's 4 MB
_WAL_SIZE_LIMIT = 64 * 2**20
_OPENING_WAIT = 0.005

_Opened = TypeVar("_Opened")


class Database:
    """One open SQLite file. Use it from one thread at a time."""

    def __init__(self, path: Path, connection: apsw.Connection) -> None:
        self.path = path
        self.connection = connection
        self._inode = path.stat().st_ino if path.exists() else None

    @classmethod
    def for_writing(cls, path: Path, tables: str, synchronous: Synchronous = Synchronous.NORMAL) -> Self:
        """Open a file for writing, and make it with these tables (SQL) when it is new; others may not read it."""
        with storage_errors(path):
            make_private(path.parent)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives what it puts beside it the same mode
            connection = apsw.Connection(str(path))
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            database = cls(path, connection)
            try:
                # WAL: readers never wait.
                _patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
                connection.execute(f"PRAGMA synchronous = {synchronous}")
                connection.wal_autocheckpoint(_CHECKPOINT_PAGES)
                connection.execute(f"PRAGMA journal_size_limit = {_WAL_SIZE_LIMIT}")
                if database.version() == 0:
                    with database.transaction():
                        if database.version() == 0:  # nobody else was faster
                            connection.execute(tables)
                            connection.execute(f"PRAGMA user_version = {VERSION}")
            except BaseException:
                connection.close(True)
                raise
        return database

    @classmethod
    def for_reading(cls, path: Path) -> Self | None:
        """Open a file without ever changing it; ``None`` when it is not there or has no tables yet.

        SQLite puts the files by which readers and writers agree (``-wal``, ``-shm``) beside it where it can.
        """
        with storage_errors(path):
            if not path.exists():
                return None
            database = cls(path, _patiently(lambda: _open_read_only(path)))
            try:
                if database.version() == 0:
                    database.close()
                    return None
            except BaseException:
                database.close()
                raise
        return database

    @classmethod
    def in_memory(cls, tables: str) -> Self:
        """Empty tables that nobody else sees."""
        connection = apsw.Connection(":memory:")
        connection.execute(tables)
        return cls(Path(":memory:"), connection)

    def version(self) -> int:
        """The version of the tables in the file, 0 when it has none; ``StorageError`` when it is newer than we are."""
        found = int(self.all("PRAGMA user_version")[0][0])
        if found > VERSION:
            message = f"{self.path} was written by a newer fsictl (tables of version {found}, this one knows {VERSION})"
            raise StorageError(message, hint="Upgrade fsictl, or use another workspace.")
        return found

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        with storage_errors(self.path):
            return self.connection.execute(sql, values).fetchall()

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute a statement once per row; returns how many rows of the table changed."""
        with storage_errors(self.path):
            before = self.connection.total_changes()
            self.connection.executemany(sql, rows)
            return self.connection.total_changes() - before

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is done inside is kept as a whole or, if anything is raised, not at all."""
        with storage_errors(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                # SQLite has already rolled back after some errors, and a full disk must not hide the first one.
                with suppress(apsw.Error):
                    if self.connection.in_transaction:
                        self.connection.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What is read inside is all of one moment."""
        with storage_errors(self.path):
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                with suppress(apsw.Error):
                    self.connection.execute("ROLLBACK")

    def is_replaced(self) -> bool:
        """Whether the file was removed, and perhaps made again, since it was opened."""
        try:
            return os.stat(self.path).st_ino != self._inode
        except FileNotFoundError:
            return True

    def close(self) -> None:
        """Close the file."""
        with storage_errors(self.path):
            self.connection.close(True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _patiently(opening: Callable[[], _Opened]) -> _Opened:
    """Try again while others open or close the file: for that SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return opening()
        except apsw.BusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_OPENING_WAIT)


def _open_read_only(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute("PRAGMA user_version").fetchall()
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        connection.close(True)
        if path.with_name(path.name + "-wal").exists():
            raise
        # Beside a WAL file, readers share an index file. Where none can be made, nobody can write either.
        uri = f"{path.absolute().as_uri()}?immutable=1"
        return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    except BaseException:
        connection.close(True)
        raise
    return connection


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the operating system say about ``path`` into our errors."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        known = _meaning(path, error)
        if known is None:
            raise
        raise known from error


def _meaning(path: Path, error: Exception) -> FsictlError | None:
    match error:
        case apsw.NotADBError():
            what, hint = "is not a database of fsictl", "Move the file away, or use another workspace."
            return StorageError(f"{path} {what}", hint=hint)
        case apsw.CorruptError():
            what, hint = "is damaged", "Restore it from a copy, or move it away to start anew."
            return StorageError(f"{path} {what}", hint=hint)
        case apsw.BusyError() | apsw.LockedError():
            what, hint = "is being written by another process", "Try again; if it stays so, see what has the file open."
        case apsw.FullError() | OSError(errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG):
            what, hint = "has no space left to grow", "Free some space on its disk, then start again."
        case apsw.ReadOnlyError() | apsw.PermissionsError() | OSError(errno=errno.EACCES | errno.EPERM | errno.EROFS):
            what, hint = "may not be accessed", "Check the permissions of its directory, or use another workspace."
        case apsw.CantOpenError() | apsw.IOError() | apsw.NoLFSError() | apsw.ProtocolError():
            what, hint = (
                f"cannot be read or written: {error}",
                "Check its disk and directory, or use another workspace.",
            )
        case OSError():
            what = f"cannot be read or written: {error.strerror or error}"
            hint = "Check its disk and directory, or use another workspace."
        case _:
            return None
    return StorageUnavailableError(f"{path} {what}", hint=hint)
