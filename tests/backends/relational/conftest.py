"""Registries of each kind: a file of SQLite, and a database of a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.backends.conftest import NOW_MS
from tests.backends.postgres import MISSING, programs, server

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.relational.artifacts import RegisteredArtifacts
from fsictl.backends.relational.registry import registry
from fsictl.clock import ManualClock

_number = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running server."""
    folder = programs()
    if folder is None:
        pytest.skip(MISSING)
    with server(folder) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    import psycopg

    address: str = request.getfixturevalue("postgres")
    name = f"test_{next(_number)}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    return address.removesuffix("postgres") + name


@dataclass(frozen=True)
class Registered:
    """What the conformance suite of model files asks for."""

    artifacts: RegisteredArtifacts
    is_cloud: bool = False


@pytest.fixture
def backend(url: str, tmp_path: Path) -> Iterator[Registered]:
    """Model files on this machine, with their names in a registry."""
    artifacts = RegisteredArtifacts(LocalArtifacts(tmp_path), registry(url), ManualClock(NOW_MS))
    yield Registered(artifacts)
    artifacts.close()
