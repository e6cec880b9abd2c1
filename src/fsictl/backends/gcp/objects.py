"""Small objects in a bucket of Cloud Storage, read and written whole."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fsictl.backends.gcp.clients import storage_client
from fsictl.backends.gcp.control import Access

NEW = 0
"""The generation of an object that is not there."""


class Objects:
    """Objects by name. Every write makes a new generation, by whose number a writer sees that it is alone.

    Raises ``CloudRefusedError`` and ``CloudUnavailableError``.
    """

    def __init__(self, access: Access, bucket: Any) -> None:
        self.access, self._bucket = access, bucket

    @classmethod
    def of(cls, access: Access, bucket: str, environment: Mapping[str, str] = os.environ) -> Objects:
        """Those of the bucket of that name; nothing is asked of the service yet."""
        return cls(access, storage_client(access, environment).bucket(bucket))

    def make(self, location: str) -> None:
        """Make the bucket, for tests: Terraform makes the real one, and says who may read it."""
        self._bucket.create(location=location)

    def uri(self, name: str) -> str:
        """The address of an object or folder, as other services of Google take it."""
        return f"gs://{self._bucket.name}/{name}"

    def read(self, name: str) -> tuple[bytes, int] | None:
        """The bytes of an object and its generation; ``None`` when there is none."""
        from google.api_core.exceptions import NotFound

        blob = self._bucket.blob(name)

        def download() -> tuple[bytes, int] | None:
            try:
                return bytes(blob.download_as_bytes(retry=None)), int(blob.generation or NEW)
            except NotFound:
                return None

        found: tuple[bytes, int] | None = self.access.call(download, f"read {self.uri(name)}")
        return found

    def write(self, name: str, data: bytes, *, over: int | None = None) -> bool:
        """Write an object; with ``over`` only if it has that generation now, and whether it had.

        A refusal may be for a write of our own whose answer was lost: look at what is there.
        """
        from google.api_core.exceptions import PreconditionFailed

        blob = self._bucket.blob(name)

        def upload() -> bool:
            try:
                blob.upload_from_string(
                    data, "application/octet-stream", if_generation_match=over, retry=None, checksum="crc32c"
                )
            except PreconditionFailed:
                return False
            return True

        return bool(self.access.call(upload, f"write {self.uri(name)}"))

    def delete(self, name: str, *, generation: int | None = None) -> None:
        """Take an object away, if it is there and has that generation."""
        from google.api_core.exceptions import NotFound, PreconditionFailed

        blob = self._bucket.blob(name)

        def delete() -> None:
            try:
                blob.delete(if_generation_match=generation, retry=None)
            except (NotFound, PreconditionFailed):
                return

        self.access.call(delete, f"delete {self.uri(name)}")

    def names(self, prefix: str) -> list[str]:
        """The names that begin so, sorted."""

        def listed() -> list[str]:
            return sorted(str(blob.name) for blob in self._bucket.client.list_blobs(self._bucket, prefix=prefix))

        found: list[str] = self.access.call(listed, f"list {self.uri(prefix)}")
        return found
