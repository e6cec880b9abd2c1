"""A Dataflow of this machine, and the engine in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from tests.contract.cloud import Dataflow, Storage
from tests.contract.discovery import documents
from tests.contract.server import ContractServer, Request, contract_server

from fsictl.backends.gcp.control import ENDPOINT_VARIABLE, Access
from fsictl.backends.gcp.engine import DataflowEngine
from fsictl.cli.cloud import dataflow_engine
from fsictl.clock import ManualClock
from fsictl.settings.load import Given, load_settings
from fsictl.settings.schema import Settings

needs_documents = pytest.mark.skipif(
    documents() is None, reason="no discovery documents: python scripts/environments.py contracts"
)

PROJECT = "my-project"


@dataclass(slots=True)
class Cloud:
    """The server, what it remembers, and a clock that moves when somebody waits."""

    server: ContractServer
    storage: Storage = field(default_factory=Storage)
    dataflow: Dataflow = field(default_factory=Dataflow)
    clock: ManualClock = field(default_factory=ManualClock)
    said: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to be sent here."""
        place = {"FSICTL_TARGET": "gcp", "FSICTL_GCP_PROJECT": PROJECT}
        return {ENDPOINT_VARIABLE: self.server.address, "STORAGE_EMULATOR_HOST": self.server.address, **place}

    @property
    def access(self) -> Access:
        """The way here."""
        return Access.of(PROJECT, self.environment, self.clock)

    def engine(self, **changed: Any) -> DataflowEngine:
        """An engine with the default settings but for those, with ``__`` for the dot."""
        return dataflow_engine(cloud_settings(**changed), self.environment, self.clock, self.said.append)

    def launches(self) -> list[dict[str, Any]]:
        """The launches of Flex Templates, oldest first."""
        asked = self.server.asked("dataflow.projects.locations.flexTemplates.launch")
        return [request.body["launchParameter"] for request in asked]

    def created(self) -> list[Request]:
        """The jobs that this machine launched, oldest first."""
        return self.server.asked("dataflow.projects.locations.jobs.create")

    def graph(self, job: Request) -> beam_runner_api_pb2.Pipeline:
        """The graph that was staged for a job."""
        address = job.body["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
        bucket, _, name = address.removeprefix("gs://").partition("/")
        return beam_runner_api_pb2.Pipeline.FromString(self.storage.objects[bucket, name])


def cloud_settings(**changed: Any) -> Settings:
    """The settings of a project, with changes such as ``metrics__window=60``."""
    given = {"target": Given("gcp", "test"), "gcp.project": Given(PROJECT, "test")}
    given |= {name.replace("__", "."): Given(value, "test") for name, value in changed.items()}
    return load_settings(None, {}, given).settings


@contextmanager
def local_dataflow() -> Iterator[Cloud]:
    """Dataflow and Cloud Storage; the block fails if anything was asked that they would refuse."""
    with contract_server("dataflow.v1b3", "storage.v1") as server:
        cloud = Cloud(server)
        cloud.storage.serve(server)
        cloud.dataflow.serve(server)
        yield cloud
        assert server.violations == []
