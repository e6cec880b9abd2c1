"""The backends under test: the conformance suite runs against every one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse

NOW_MS = 1_577_836_800_000


@dataclass(frozen=True)
class Backend:
    """One of each port over the same store, and the clock they look at."""

    messenger: Messenger
    warehouse: Warehouse
    artifacts: Artifacts
    clock: ManualClock


@pytest.fixture(params=["local"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    clock = ManualClock(NOW_MS)
    root = tmp_path / "workspace"
    return Backend(LocalMessenger(root, clock), LocalWarehouse(root, clock), LocalArtifacts(root), clock)
