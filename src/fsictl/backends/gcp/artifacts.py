"""Model files in a bucket of Cloud Storage."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fsictl.backends.gcp.control import Access
from fsictl.errors import InputError

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Bucket  # type: ignore[import-untyped]

VERSIONS = "models/versions"
ALIASES = "models/aliases"
COMPLETE = ".complete"
"""The object that makes a folder be there; it lists the files."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NEW = 0
"""The generation of an object that is not there."""


class GcsArtifacts:
    """:class:`~fsictl.ports.artifacts.Artifacts` in a bucket: ``models/versions/NAME/FILE``, ``models/aliases/NAME``.

    A folder is there as soon as its last object is, which lists the others: what a cut connection left is written
    over. An alias is moved only from the generation that was looked at, so of two who move it one succeeds.
    ``fresh`` is for how many seconds :meth:`resolve` may remember what an alias names.
    """

    def __init__(self, access: Access, bucket: Bucket, *, fresh: float = 0.0) -> None:
        self._access, self._bucket, self._fresh = access, bucket, fresh
        self._remembered: dict[str, tuple[float, str | None]] = {}

    def uri(self, folder: str) -> str:
        """Where the files of a folder are, as other services of Google take it."""
        return f"gs://{self._bucket.name}/{VERSIONS}/{_check('folder', folder)}"

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Store a new folder: its files, then the object that says that they are all there."""
        _check("folder", folder)
        names = sorted(_check("file", name) for name in files)
        if not names:
            message = f"the folder {folder!r} would be empty"
            raise InputError(message, hint="Store at least one file.")
        if self._is_same(folder, files):
            return
        for name in names:
            self._write(self._file(folder, name), files[name])
        try:
            self._write(self._file(folder, COMPLETE), json.dumps(names).encode(), generation=_NEW)
        except _ChangedError:  # somebody stored it in the meantime
            self._is_same(folder, files)

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
        listed = self._read(self._file(folder, COMPLETE))
        return None if listed is None else [str(name) for name in json.loads(listed)]

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        _check("folder", folder)
        found = self._read(self._file(folder, _check("file", file)))
        if found is None:
            message = f"there is no file {file!r} in the folder {folder!r}"
            raise InputError(message, hint="Look at the names of the folders that are there.")
        return found

    def folders(self) -> list[str]:
        """The names of all folders, sorted."""
        ending = f"/{COMPLETE}"
        return sorted(
            name.removeprefix(f"{VERSIONS}/").removesuffix(ending)
            for name in self._list(VERSIONS)
            if name.endswith(ending)
        )

    def point(self, alias: str, folder: str) -> None:
        """Let the alias name that folder."""
        self._write(self._alias(alias, folder), folder.encode())
        self._remembered.pop(alias, None)

    def swap(self, alias: str, expected: str | None, folder: str) -> bool:
        """Let the alias name that folder if it names ``expected`` now, and nobody else moves it meanwhile."""
        blob = self._alias(alias, folder)
        self._remembered.pop(alias, None)
        named, generation = self._look(alias)
        if named != expected:
            return False
        try:
            self._write(blob, folder.encode(), generation=generation)
        except _ChangedError:  # by somebody else, or by us in a try whose answer was lost
            return self._look(alias)[0] == folder
        return True

    def forget(self, alias: str) -> None:
        """Let the alias name nothing."""
        from google.api_core.exceptions import NotFound

        blob = self._bucket.blob(f"{ALIASES}/{_check('alias', alias)}")

        def delete() -> None:
            try:
                blob.delete(retry=None)
            except NotFound:
                return

        self._access.call(delete, f"forget the alias {alias}")
        self._remembered.pop(alias, None)

    def resolve(self, alias: str) -> str | None:
        """The folder that the alias names, or ``None``."""
        _check("alias", alias)
        now = self._access.clock.monotonic()
        known = self._remembered.get(alias)
        if known is None or now - known[0] >= self._fresh:
            known = self._remembered[alias] = (now, self._look(alias)[0])
        return known[1]

    def aliases(self) -> dict[str, str]:
        """Every alias with the folder it names."""
        names = [name.removeprefix(f"{ALIASES}/") for name in self._list(ALIASES)]
        named = {alias: self._look(alias)[0] for alias in names}
        return {alias: folder for alias, folder in named.items() if folder is not None}

    def _alias(self, alias: str, folder: str) -> Blob:
        blob = self._bucket.blob(f"{ALIASES}/{_check('alias', alias)}")
        if self._names(_check("folder", folder)) is None:
            message = f"there is no folder {folder!r} for the alias {alias!r}"
            raise InputError(message, hint="Store the folder first.")
        return blob

    def _look(self, alias: str) -> tuple[str | None, int]:
        """What an alias names, and the generation of the object that says so."""
        blob = self._bucket.blob(f"{ALIASES}/{alias}")
        found = self._read(blob)
        if found is None:
            return None, _NEW
        return found.decode(errors="replace").strip(), int(blob.generation or _NEW)

    def _file(self, folder: str, name: str) -> Blob:
        return self._bucket.blob(f"{VERSIONS}/{folder}/{name}")

    def _list(self, folder: str) -> list[str]:
        def names() -> list[str]:
            return [str(blob.name) for blob in self._bucket.client.list_blobs(self._bucket, prefix=f"{folder}/")]

        found: list[str] = self._access.call(names, f"list gs://{self._bucket.name}/{folder}")
        return found

    def _read(self, blob: Blob) -> bytes | None:
        from google.api_core.exceptions import NotFound

        def download() -> bytes | None:
            try:
                return bytes(blob.download_as_bytes(retry=None))
            except NotFound:
                return None

        found: bytes | None = self._access.call(download, f"read gs://{self._bucket.name}/{blob.name}")
        return found

    def _write(self, blob: Blob, data: bytes, generation: int | None = None) -> None:
        from google.api_core.exceptions import PreconditionFailed

        def upload() -> None:
            try:
                blob.upload_from_string(
                    data, "application/octet-stream", if_generation_match=generation, retry=None, checksum="crc32c"
                )
            except PreconditionFailed as error:
                raise _ChangedError from error

        self._access.call(upload, f"write gs://{self._bucket.name}/{blob.name}")


class _ChangedError(Exception):
    """An object is no longer of the generation that was expected."""


def _check(what: str, name: str) -> str:
    if _NAME.fullmatch(name) is None:
        article = "an" if what[0] in "aeiou" else "a"
        message = f"{name!r} cannot be the name of {article} {what}"
        raise InputError(message, hint="Use up to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit.")
    return name


def open_bucket(access: Access, name: str) -> Any:
    """The bucket of that name; nothing is asked of the service yet."""
    from google.cloud import storage

    options = None if access.endpoint is None else {"api_endpoint": access.endpoint}
    return storage.Client(access.project, access.credentials, client_options=options).bucket(name)
