"""How every store of model files must behave: immutable folders of files, and names that point at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ReadableArtifacts(Protocol):
    """What scoring needs of a store."""

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        ...


class Artifacts(ReadableArtifacts, Protocol):
    """Folders of files that never change once they are there, and aliases that move between them.

    A missing folder, file or alias raises ``InputError``; disk problems ``StorageError``.
    """

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Store a new folder: afterwards it is there with all its files, or not at all.

        Storing the same files again changes nothing; other files under the same name raise ``InputError``.
        """
        ...

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        ...

    def folders(self) -> list[str]:
        """The names of all folders, sorted."""
        ...

    def point(self, alias: str, folder: str) -> None:
        """Let the alias name that folder, which must exist; readers see the old or the new one, never neither."""
        ...

    def swap(self, alias: str, expected: str | None, folder: str) -> bool:
        """As :meth:`point`, but only if the alias names ``expected`` (``None``: nothing) now; whether it did.

        Of several that swap at once with the same expectation one succeeds.
        """
        ...

    def forget(self, alias: str) -> None:
        """Let the alias name nothing; it need not be there."""
        ...

    def resolve(self, alias: str) -> str | None:
        """The folder that the alias names, or ``None``. Cheap enough to ask every second."""
        ...

    def aliases(self) -> dict[str, str]:
        """Every alias with the folder it names. Cheap enough to ask every second."""
        ...
