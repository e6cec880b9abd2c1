"""Model files in a bucket of Cloud Storage."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fsictl.backends.gcp.objects import NEW, Objects
from fsictl.errors import InputError
from fsictl.ports.names import check_name

VERSIONS = "models/versions"
ALIASES = "models/aliases"
COMPLETE = ".complete"
"""The object that makes a folder be there; it lists the files."""


class GcsArtifacts:
    """:class:`~fsictl.ports.artifacts.Artifacts` in a bucket: ``models/versions/NAME/FILE``, ``models/aliases/NAME``.

    A folder is there as soon as its last object is, which lists the others: what a cut connection left is written
    over. An alias is moved only from the generation that was looked at, so of two who move it one succeeds.
    ``fresh`` is for how many seconds :meth:`resolve` and :meth:`aliases` may remember what an alias names.
    """

    def __init__(self, objects: Objects, *, fresh: float = 0.0) -> None:
        self._objects, self._fresh = objects, fresh
        self._remembered: dict[str, tuple[float, str | None]] = {}
        self._listed: tuple[float, list[str]] | None = None

    def uri(self, folder: str) -> str:
        """Where the files of a folder are, as other services of Google take it."""
        return self._objects.uri(f"{VERSIONS}/{check_name('folder', folder)}")

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Store a new folder: its files, then the object that says that they are all there."""
        check_name("folder", folder)
        names = sorted(check_name("file", name) for name in files)
        if not names:
            message = f"the folder {folder!r} would be empty"
            raise InputError(message, hint="Store at least one file.")
        if self._is_same(folder, files):
            return
        for name in names:
            self._objects.write(_file(folder, name), files[name])
        if not self._objects.write(_file(folder, COMPLETE), json.dumps(names).encode(), over=NEW):
            self._is_same(folder, files)  # somebody stored it in the meantime

    def _is_same(self, folder: str, files: Mapping[str, bytes]) -> bool:
        """Whether the folder is there with these files; ``InputError`` when it is there with others."""
        there = self._names(folder)
        if there is None:
            return False
        if there == sorted(files) and all(self.get(folder, name) == data for name, data in files.items()):
            return True
        message = f"the folder {folder!r} exists already, with other files"
        raise InputError(message, hint="Stored folders never change; choose another name.")

    def _names(self, folder: str) -> list[str] | None:
        listed = self._objects.read(_file(folder, COMPLETE))
        return None if listed is None else [str(name) for name in json.loads(listed[0])]

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        check_name("folder", folder)
        found = self._objects.read(_file(folder, check_name("file", file)))
        if found is None:
            message = f"there is no file {file!r} in the folder {folder!r}"
            raise InputError(message, hint="Look at the names of the folders that are there.")
        return found[0]

    def folders(self) -> list[str]:
        """The names of all folders, sorted."""
        ending = f"/{COMPLETE}"
        return sorted(
            name.removeprefix(f"{VERSIONS}/").removesuffix(ending)
            for name in self._objects.names(f"{VERSIONS}/")
            if name.endswith(ending)
        )

    def point(self, alias: str, folder: str) -> None:
        """Let the alias name that folder."""
        self._objects.write(self._alias(alias, folder), folder.encode())
        self._forget_what_was_seen(alias)

    def swap(self, alias: str, expected: str | None, folder: str) -> bool:
        """Let the alias name that folder if it names ``expected`` now, and nobody else moves it meanwhile."""
        name = self._alias(alias, folder)
        self._forget_what_was_seen(alias)
        named, generation = self._look(alias)
        if named != expected:
            return False
        if self._objects.write(name, folder.encode(), over=generation):
            return True
        return self._look(alias)[0] == folder  # moved by somebody else, or by us in a try whose answer was lost

    def forget(self, alias: str) -> None:
        """Let the alias name nothing."""
        self._objects.delete(f"{ALIASES}/{check_name('alias', alias)}")
        self._forget_what_was_seen(alias)

    def resolve(self, alias: str) -> str | None:
        """The folder that the alias names, or ``None``."""
        check_name("alias", alias)
        now = self._objects.access.clock.monotonic()
        known = self._remembered.get(alias)
        if known is None or now - known[0] >= self._fresh:
            known = self._remembered[alias] = (now, self._look(alias)[0])
        return known[1]

    def aliases(self) -> dict[str, str]:
        """Every alias with the folder it names."""
        now = self._objects.access.clock.monotonic()
        if self._listed is None or now - self._listed[0] >= self._fresh:
            names = self._objects.names(f"{ALIASES}/")
            self._listed = (now, [name.removeprefix(f"{ALIASES}/") for name in names])
        named = {alias: self.resolve(alias) for alias in self._listed[1]}
        return {alias: folder for alias, folder in named.items() if folder is not None}

    def _forget_what_was_seen(self, alias: str) -> None:
        self._remembered.pop(alias, None)
        self._listed = None

    def _alias(self, alias: str, folder: str) -> str:
        """The object of an alias that may name that folder."""
        name = f"{ALIASES}/{check_name('alias', alias)}"
        if self._names(check_name("folder", folder)) is None:
            message = f"there is no folder {folder!r} for the alias {alias!r}"
            raise InputError(message, hint="Store the folder first.")
        return name

    def _look(self, alias: str) -> tuple[str | None, int]:
        """What an alias names, and the generation of the object that says so."""
        found = self._objects.read(f"{ALIASES}/{alias}")
        return (None, NEW) if found is None else (found[0].decode(errors="replace").strip(), found[1])


def _file(folder: str, name: str) -> str:
    return f"{VERSIONS}/{folder}/{name}"
