"""Small documents in the bucket: templates, and what the graphs of jobs keep."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from fsictl.backends.gcp.control import Access, needs_gcp


class Bucket:
    """Objects by name, whole."""

    def __init__(self, access: Access, name: str) -> None:
        self._access, self._name = access, name

    @cached_property
    def _bucket(self) -> Any:
        with needs_gcp():
            from google.cloud import storage  # type: ignore[attr-defined]
        options = None if self._access.endpoint is None else {"api_endpoint": self._access.endpoint}
        client = storage.Client(self._access.project, self._access.credentials, client_options=options)
        return client.bucket(self._name)

    def write(self, name: str, text: str) -> str:
        """Write an object and return its address, ``gs://BUCKET/NAME``."""
        blob = self._bucket.blob(name)
        what = f"write gs://{self._name}/{name}"
        self._access.call(lambda: blob.upload_from_string(text, "application/json", retry=None), what)
        return f"gs://{self._name}/{name}"

    def read(self, name: str) -> str | None:
        """The text of an object; ``None`` when there is none."""
        from google.api_core.exceptions import NotFound

        def download() -> str | None:
            try:
                return str(self._bucket.blob(name).download_as_text(retry=None))
            except NotFound:
                return None

        found = self._access.call(download, f"read gs://{self._name}/{name}")
        return None if found is None else str(found)
