"""How a registry of models beside our own store must behave, where a target has one: versions listed and served."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Registration:
    """A version as a registry lists it: its name, its lineage as short labels, and in words.

    Keys and values of ``labels`` have at most 63 characters of ``a-z 0-9 _ -``, and keys begin with a letter.
    """

    version: str
    labels: Mapping[str, str]
    description: str


class ModelRegistry(Protocol):
    """Versions by name, and which one an endpoint serves. Raises ``ServiceError`` when the service fails."""

    def register(self, version: Registration) -> str:
        """List a version, whose files are in the model store; its name in the registry.

        The same version again lists nothing new. The newest one registered bears the alias ``champion``.
        """
        ...

    def deploy(self, version: str) -> None:
        """Let the endpoint answer with a registered version; the one before answers until then."""
        ...
