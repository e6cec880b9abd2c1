"""The backends under test: the conformance suite runs against every one of them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.emulators import PROJECT, Emulators, MissingEmulatorError

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse

NOW_MS = 1_577_836_800_000
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Backend:
    """One of each port over the same store, and the clock they look at."""

    messenger: Messenger
    warehouse: Warehouse
    artifacts: Artifacts
    clock: ManualClock


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Google's services on this machine, found through the environment as Google's libraries do."""
    pytest.importorskip("google.cloud.pubsub_v1", reason="no Google libraries: pip install 'fsictl[gcp]'")
    try:
        running = Emulators.start(tmp_path_factory.mktemp("emulators"))
    except MissingEmulatorError as error:
        pytest.skip(str(error))
    before = dict(os.environ)
    os.environ.update(running.environment())
    yield running
    os.environ.clear()
    os.environ.update(before)
    running.stop()


@pytest.fixture(params=["local", "gcp"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    clock = ManualClock(NOW_MS)
    if request.param == "gcp":
        request.getfixturevalue("emulators")
        return _cloud(clock)
    root = tmp_path / "workspace"
    return Backend(LocalMessenger(root, clock), LocalWarehouse(root, clock), LocalArtifacts(root), clock)


def _cloud(clock: ManualClock) -> Backend:
    """A bucket, a dataset and topics of their own, empty."""
    from fsictl.backends.gcp.artifacts import GcsArtifacts
    from fsictl.backends.gcp.control import Access
    from fsictl.backends.gcp.objects import Objects

    number = next(_NUMBERS)
    access = Access.of(PROJECT, os.environ, clock)
    objects = Objects.of(access, f"bucket-{number}")
    objects.make("EU")
    return Backend(None, None, GcsArtifacts(objects), clock)
