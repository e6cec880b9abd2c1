"""One of several processes that all want the same alias; it imports little, because each is started anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.relational.artifacts import RegisteredArtifacts
from fsictl.backends.relational.registry import registry
from fsictl.clock import SystemClock


def race(url: str, folder: str, name: str, start: Any, won: Any) -> None:
    """Store a version, wait for the others, and tell whether the alias is ours."""
    store = RegisteredArtifacts(LocalArtifacts(Path(folder)), registry(url), SystemClock())
    store.put(name, {"card.json": b"{}"})
    start.wait()
    won.put((name, store.swap("champion", None, name)))
    store.close()
