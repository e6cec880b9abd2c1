"""One version's files in a folder of a bucket, as Vertex AI hands them to a container."""

from __future__ import annotations

from urllib.parse import urlsplit

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.objects import Objects
from fsictl.errors import InputError


class GcsFolder:
    """:class:`~fsictl.ports.artifacts.ReadableArtifacts` of what is under ``gs://BUCKET/PATH``, whatever its name."""

    def __init__(self, access: Access, uri: str) -> None:
        parts = urlsplit(uri)
        if parts.scheme != "gs" or not parts.netloc:
            message = f"{uri!r} is not a folder of a bucket"
            raise InputError(message, hint="Give it as gs://BUCKET/PATH.")
        self._objects, self._path = Objects.of(access, parts.netloc), parts.path.strip("/")

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        name = f"{self._path}/{file}".lstrip("/")
        found = self._objects.read(name)
        if found is None:
            message = f"there is no file {self._objects.uri(name)}"
            raise InputError(message, hint="Give the folder of a model version, with its card.json.")
        return found[0]
