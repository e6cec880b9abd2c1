"""Model files in directories of this machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fsictl.backends.local.database import storage_errors
from fsictl.backends.local.layout import Layout, make_private
from fsictl.errors import InputError
from fsictl.ports.names import check_name, is_name


class LocalArtifacts:
    """:class:`~fsictl.ports.artifacts.Artifacts` in ``models/`` of the workspace ``root``.

    ``models/versions/NAME/`` are the folders, ``models/aliases/NAME`` small files with the name of a folder.
    """

    def __init__(self, root: Path) -> None:
        self._versions = Layout(root).models / "versions"
        self._aliases = Layout(root).models / "aliases"

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Store a new folder, durable when it returns: written aside, then renamed."""
        target = self._versions / check_name("folder", folder)
        names = [check_name("file", name) for name in files]
        if not names:
            message = f"the folder {folder!r} would be empty"
            raise InputError(message, hint="Store at least one file.")
        if self._is_same(target, files):
            return
        with storage_errors(target):
            make_private(self._versions)
            aside = Path(tempfile.mkdtemp(prefix=".new-", dir=self._versions))
            try:
                for name, data in files.items():
                    _write_durably(aside / name, data)
                aside.chmod(0o700)
                _sync_directory(aside)
                try:
                    aside.rename(target)
                except OSError:
                    if not self._is_same(target, files):  # somebody stored it in the meantime
                        raise
                _sync_directory(self._versions)
            finally:
                shutil.rmtree(aside, ignore_errors=True)

    def _is_same(self, target: Path, files: Mapping[str, bytes]) -> bool:
        """Whether the folder is there with these files; ``InputError`` when it is there with others."""
        if not target.is_dir():
            return False
        with storage_errors(target):
            there = {path.name: path.read_bytes() for path in target.iterdir()}
        if there == dict(files):
            return True
        message = f"the folder {target.name!r} exists already, with other files"
        raise InputError(message, hint="Stored folders never change; choose another name.")

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        path = self._versions / check_name("folder", folder) / check_name("file", file)
        with storage_errors(path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                pass
        message = f"there is no file {file!r} in the folder {folder!r}"
        raise InputError(message, hint="Look at the names of the folders that are there.")

    def folders(self) -> list[str]:
        """The names of all folders, sorted."""
        return [path.name for path in _visible(self._versions) if path.is_dir()]

    def point(self, alias: str, folder: str) -> None:
        """Let the alias name that folder, by replacing the alias file."""
        with self._locked():
            self._point(alias, folder)

    def _point(self, alias: str, folder: str) -> None:
        path = self._aliases / check_name("alias", alias)
        if not (self._versions / check_name("folder", folder)).is_dir():
            message = f"there is no folder {folder!r} for the alias {alias!r}"
            raise InputError(message, hint="Store the folder first.")
        with storage_errors(path):
            make_private(self._aliases)
            descriptor, aside = tempfile.mkstemp(prefix=".new-", dir=self._aliases)
            os.close(descriptor)
            try:
                _write_durably(Path(aside), folder.encode())
                os.chmod(aside, 0o600)
                os.replace(aside, path)
                _sync_directory(self._aliases)
            finally:
                Path(aside).unlink(missing_ok=True)

    def swap(self, alias: str, expected: str | None, folder: str) -> bool:
        """Let the alias name that folder if it names ``expected`` now, while nobody else may move an alias."""
        with self._locked():
            if self.resolve(alias) != expected:
                return False
            self._point(alias, folder)
            return True

    def forget(self, alias: str) -> None:
        """Let the alias name nothing."""
        path = self._aliases / check_name("alias", alias)
        with self._locked(), storage_errors(path):
            path.unlink(missing_ok=True)
            _sync_directory(self._aliases)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time among all processes that move aliases."""
        path = self._aliases / ".lock"
        with storage_errors(path):
            self._aliases.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield

    def resolve(self, alias: str) -> str | None:
        """The folder that the alias names, or ``None``."""
        path = self._aliases / check_name("alias", alias)
        with storage_errors(path):
            try:
                return path.read_bytes().decode(errors="replace").strip()  # whoever wrote it
            except FileNotFoundError:
                return None

    def aliases(self) -> dict[str, str]:
        """Every alias with the folder it names; what somebody else put beside them is none."""
        names = [path.name for path in _visible(self._aliases) if is_name(path.name) and path.is_file()]
        named = {name: self.resolve(name) for name in names}
        return {alias: folder for alias, folder in named.items() if folder is not None}


def _visible(directory: Path) -> list[Path]:
    with storage_errors(directory):
        if not directory.is_dir():
            return []
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))


def _write_durably(path: Path, data: bytes) -> None:
    with open(path, "wb", opener=_for_owner) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
