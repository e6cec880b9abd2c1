"""The backends under test: the conformance suite runs against every one of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Channel, Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.message import Received

NOW_MS = 1_577_836_800_000


@dataclass
class LocalBackend:
    """One of each port over the same store, and the clock they look at."""

    root: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    is_cloud: bool = False

    @cached_property
    def messenger(self) -> Messenger:
        return LocalMessenger(self.root, self.clock)

    @cached_property
    def warehouse(self) -> Warehouse:
        return LocalWarehouse(self.root, self.clock)

    @cached_property
    def artifacts(self) -> Artifacts:
        return LocalArtifacts(self.root)

    def pull(self, channel: Channel, limit: int, wanted: int | None = None) -> list[Received]:
        """What a channel gives now."""
        return channel.pull(limit, 0)


class CloudBackend:
    """The same on emulators. Services are set up when they are used, which takes time."""

    is_cloud = True

    def __init__(self, environment: Mapping[str, str]) -> None:
        from tests.cloud import Place

        self.clock = ManualClock(NOW_MS)
        self.place = Place(environment, self.clock)

    @property
    def messenger(self) -> Messenger:
        return self.place.messenger

    @property
    def warehouse(self) -> Warehouse:
        return self.place.warehouse

    @property
    def artifacts(self) -> Artifacts:
        return self.place.artifacts

    def pull(self, channel: Channel, limit: int, wanted: int | None = None) -> list[Received]:
        """What a channel gives until ``wanted`` messages (``limit`` without it) are there, or nothing comes.

        Pub/Sub may give less than there is.
        """
        wanted = limit if wanted is None else wanted
        found: list[Received] = []
        end = time.monotonic() + 20
        while len(found) < wanted and time.monotonic() < end:
            found += channel.pull(limit - len(found), 0)
        return found


Backend = LocalBackend | CloudBackend


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Google's services on this machine, as the environment variables by which they are found."""
    pytest.importorskip("google.pubsub_v1", reason="no Google libraries: pip install 'fsictl[gcp]'")
    from tests.cloud import running_emulators

    with running_emulators(tmp_path_factory.mktemp("emulators")) as environment:
        yield environment


@pytest.fixture(params=["local", "gcp"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "gcp":
        return CloudBackend(request.getfixturevalue("emulators"))
    return LocalBackend(tmp_path / "workspace")
