"""The registry: one database with all that is known of versions, their aliases and how they came about."""

from __future__ import annotations

from pathlib import Path

from fsictl.backends.relational.artifacts import version_tables
from fsictl.backends.relational.database import RelationalDatabase, parsed
from fsictl.backends.relational.warehouse import run_tables


def registry(url: str, *, folder: Path = Path()) -> RelationalDatabase:
    """The registry at that URL; nothing is opened before it is asked. ``SettingsError`` for a URL that is none."""
    parsed(url)  # first: it says what is missing when SQLAlchemy is not installed
    return RelationalDatabase(url, version_tables(), run_tables(), folder=folder)
