"""One version's files in a plain folder, as ``model export`` writes them and Vertex AI hands them over."""

from __future__ import annotations

from pathlib import Path

from fsictl.backends.local.database import storage_errors
from fsictl.errors import InputError
from fsictl.ports.names import check_name


class FolderArtifacts:
    """:class:`~fsictl.ports.artifacts.ReadableArtifacts` of the version ``name`` alone."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        path = self._path / check_name("file", file)
        with storage_errors(path):
            if folder == self._name and path.is_file():
                return path.read_bytes()
        message = f"there is no file {path}"
        raise InputError(message, hint="Give the folder that `fsictl model export --format onnx` wrote.")
