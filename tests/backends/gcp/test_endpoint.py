"""Taking models off an endpoint of Vertex AI, against its discovery document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.contract.discovery import documents
from tests.contract.server import ContractServer, Refusal, Request, contract_server

from fsictl.backends.gcp.control import Access, CloudRefusedError
from fsictl.backends.gcp.endpoint import deployed_models, undeploy
from fsictl.clock import ManualClock
from fsictl.errors import ServiceError

pytest.importorskip("google.auth", reason="no Google libraries: pip install 'fsictl[gcp]'")
pytestmark = pytest.mark.skipif(
    documents() is None, reason="no discovery documents: python scripts/environments.py contracts"
)

ENDPOINT = "projects/p-1/locations/europe-west1/endpoints/77"
METHODS = "aiplatform.projects.locations."


@dataclass
class World:
    """An endpoint with models, of which Vertex AI lets none go that has traffic while there is another."""

    traffic: dict[str, int]
    looks: int = 0
    fails: bool = False
    gone: list[str] = field(default_factory=list)

    def get(self, _: Request) -> Mapping[str, Any]:
        return {"name": ENDPOINT, "deployedModels": [{"id": one} for one in self.traffic], "trafficSplit": self.traffic}

    def undeploy(self, request: Request) -> Mapping[str, Any] | Refusal:
        model = request.body["deployedModelId"]
        split = request.body.get("trafficSplit", self.traffic)
        if split.get(model) and len(self.traffic) > 1:
            return Refusal(400, "it has traffic")
        del self.traffic[model]
        self.traffic.update(request.body.get("trafficSplit", {}))
        self.gone.append(model)
        return {"name": f"{ENDPOINT}/operations/{len(self.gone)}"}

    def operation(self, request: Request) -> Mapping[str, Any]:
        self.looks += 1
        answer = {"name": request.path["name"], "done": self.looks > 2}
        return {**answer, "error": {"code": 13, "message": "it is stuck"}} if self.fails else answer


@pytest.fixture(name="server")
def server_here() -> Iterator[ContractServer]:
    with contract_server("aiplatform.v1") as server:
        yield server
        assert server.violations == []


def _access(server: ContractServer, world: World) -> Access:
    server.reply(METHODS + "endpoints.get", world.get)
    server.reply(METHODS + "endpoints.undeployModel", world.undeploy)
    server.reply(METHODS + "endpoints.operations.get", world.operation)
    return Access("p-1", ManualClock(0), server.address)


def test_every_model_goes_the_one_that_answers_last(server: ContractServer) -> None:
    world = World({"a": 20, "b": 80, "c": 0})
    access = _access(server, world)
    assert deployed_models(access, ENDPOINT) == ["c", "a", "b"]
    assert undeploy(access, ENDPOINT) == ["c", "a", "b"]
    assert (world.gone, world.traffic) == (["c", "a", "b"], {})
    assert world.looks == 5  # it was waited for, twice for the first one
    assert undeploy(access, ENDPOINT) == []


def test_a_model_that_does_not_go_is_said(server: ContractServer) -> None:
    access = _access(server, World({"a": 100}, looks=2, fails=True))
    with pytest.raises(ServiceError, match="it is stuck"):
        undeploy(access, ENDPOINT)


def test_an_endpoint_that_is_not_there(server: ContractServer) -> None:
    server.reply(METHODS + "endpoints.get", lambda _: Refusal(404, "Endpoint 77 is not found"))
    with pytest.raises(CloudRefusedError, match="look at the endpoint"):
        deployed_models(Access("p-1", ManualClock(0), server.address), ENDPOINT)
