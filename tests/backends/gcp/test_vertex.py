"""Vertex AI's registry and endpoint, against its discovery document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.contract.discovery import documents
from tests.contract.server import ContractServer, Refusal, Request, contract_server

from fsictl.errors import PreconditionError
from fsictl.ports.registry import Registration

pytest.importorskip("google.cloud.aiplatform_v1", reason="no Google libraries: pip install 'fsictl[gcp]'")

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.vertex import VertexPlace, VertexRegistry
from fsictl.clock import ManualClock

pytestmark = pytest.mark.skipif(
    documents() is None, reason="no discovery documents: python scripts/environments.py contracts"
)

PARENT = "projects/p-1/locations/europe-west1"
MODEL = f"{PARENT}/models/fsictl"
ENDPOINT = f"{PARENT}/endpoints/77"
METHODS = "aiplatform.projects.locations."
TYPES = "type.googleapis.com/google.cloud.aiplatform.v1."


def registration(name: str) -> Registration:
    return Registration(name, {"fsictl_version": name.lower(), "detector": "mahalanobis"}, f"{name}, trained on 5 rows")


@dataclass
class World:
    """What the registry and the endpoint have: enough of Vertex AI to see what we do to it."""

    versions: list[dict[str, Any]] = field(default_factory=list)
    deployed: list[dict[str, Any]] = field(default_factory=list)
    traffic: dict[str, int] = field(default_factory=dict)
    uploads: list[Mapping[str, Any]] = field(default_factory=list)

    def upload(self, request: Request) -> Mapping[str, Any] | Refusal:
        self.uploads.append(request.body)
        if bool(self.versions) == ("modelId" in request.body):
            return Refusal(409 if self.versions else 404, "a first version names the model, a later one its parent")
        number = str(len(self.versions) + 1)
        self._give_aliases(request.body["model"]["versionAliases"], "")
        self.versions.append({**request.body["model"], "name": MODEL, "versionId": number})
        return _done({"@type": TYPES + "UploadModelResponse", "model": MODEL, "modelVersionId": number})

    def get(self, _: Request) -> Mapping[str, Any] | Refusal:
        return self.versions[-1] if self.versions else Refusal(404, f"{MODEL} is not found")

    def list_versions(self, request: Request) -> Mapping[str, Any] | Refusal:
        if not self.versions:
            return Refusal(404, f"{MODEL} is not found")
        (wanted,) = request.query["filter"]
        key, value = wanted.removeprefix("labels.").split("=")
        return {"models": [one for one in self.versions if one["labels"].get(key) == value.strip('"')]}

    def merge(self, request: Request) -> Mapping[str, Any]:
        number = request.path["name"].rpartition("@")[2]
        self._give_aliases(request.body["versionAliases"], number)
        return self.versions[int(number) - 1]

    def endpoints(self, _: Request) -> Mapping[str, Any]:
        endpoint = {"name": ENDPOINT, "displayName": "fsictl-scores", "deployedModels": self.deployed}
        return {"endpoints": [{**endpoint, "trafficSplit": self.traffic}]}

    def deploy(self, request: Request) -> Mapping[str, Any]:
        number = str(100 + len(self.deployed))
        self.deployed.append({**request.body["deployedModel"], "id": number})
        self.traffic = {number if key == "0" else key: share for key, share in request.body["trafficSplit"].items()}
        return _done({"@type": TYPES + "DeployModelResponse", "deployedModel": self.deployed[-1]})

    def undeploy(self, request: Request) -> Mapping[str, Any] | Refusal:
        number = request.body["deployedModelId"]
        if self.traffic.get(number) and len(self.deployed) > 1:
            return Refusal(400, "a deployed model with traffic cannot go while there are others")
        self.deployed = [one for one in self.deployed if one["id"] != number]
        self.traffic.pop(number, None)
        return _done({"@type": TYPES + "UndeployModelResponse"})

    def _give_aliases(self, aliases: list[str], number: str) -> None:
        for one in self.versions:
            kept = set(one["versionAliases"]) - set(aliases)
            one["versionAliases"] = sorted(kept | set(aliases if one["versionId"] == number else ()))


def _done(response: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"name": f"{PARENT}/operations/1", "done": True, "response": response}


@pytest.fixture(name="server")
def server_here() -> Iterator[ContractServer]:
    with contract_server("aiplatform.v1") as server:
        yield server
        assert server.violations == []


@pytest.fixture(name="world")
def world_here(server: ContractServer) -> World:
    world = World()
    server.reply(METHODS + "models.upload", world.upload)
    server.reply(METHODS + "models.get", world.get)
    server.reply(METHODS + "models.listVersions", world.list_versions)
    server.reply(METHODS + "models.mergeVersionAliases", world.merge)
    server.reply(METHODS + "endpoints.list", world.endpoints)
    server.reply(METHODS + "endpoints.deployModel", world.deploy)
    server.reply(METHODS + "endpoints.undeployModel", world.undeploy)
    return world


@pytest.fixture(name="registry")
def registry_here(server: ContractServer) -> VertexRegistry:
    access = Access("p-1", ManualClock(), server.address)
    place = VertexPlace(PARENT, "fsictl", "fsictl-scores", "image:1", "worker@p-1.iam.gserviceaccount.com")
    return VertexRegistry(access, place, lambda version: f"gs://bucket/models/{version}")


def test_versions_are_listed_once_each_under_one_model(world: World, registry: VertexRegistry) -> None:
    assert registry.register(registration("20260131T0-A")) == f"{MODEL}@1"
    assert registry.register(registration("20260201T0-B")) == f"{MODEL}@2"
    assert registry.register(registration("20260201T0-B")) == f"{MODEL}@2"
    assert [one["versionAliases"] for one in world.versions] == [[], ["champion"]]
    first, second = world.uploads
    assert (first["modelId"], second["parentModel"]) == ("fsictl", MODEL)
    told = second["model"]
    assert told["artifactUri"] == "gs://bucket/models/20260201T0-B"
    assert told["labels"] == {"fsictl_version": "20260201t0-b", "detector": "mahalanobis"}
    assert told["versionDescription"] == "20260201T0-B, trained on 5 rows"
    container = told["containerSpec"]
    assert container["imageUri"] == "image:1"
    assert (container["healthRoute"], container["predictRoute"]) == ("/health", "/predict")
    assert container["ports"] == [{"containerPort": 8080}]


def test_a_version_promoted_again_gets_the_alias_back(world: World, registry: VertexRegistry) -> None:
    for name in ("A", "B", "A"):
        registry.register(registration(name))
    assert [one["versionAliases"] for one in world.versions] == [["champion"], []]


def test_an_endpoint_changes_over_without_a_moment_in_which_nothing_answers(
    world: World, registry: VertexRegistry, server: ContractServer
) -> None:
    for name in ("A", "B"):
        registry.register(registration(name))
        registry.deploy(name)
        (left,) = world.deployed
        assert left["displayName"] == name.lower()
        assert world.traffic == {left["id"]: 100}
    assert left["model"] == f"{MODEL}@2"
    assert left["serviceAccount"] == "worker@p-1.iam.gserviceaccount.com"
    assert left["dedicatedResources"]["minReplicaCount"] == 1
    before = len(server.requests)
    registry.deploy("B")  # the same again deploys nothing
    assert {one.method.rpartition(".")[2] for one in server.requests[before:]} == {"list", "listVersions"}


def test_a_change_over_that_was_cut_short_is_finished(world: World, registry: VertexRegistry) -> None:
    for name in ("A", "B"):
        registry.register(registration(name))
        registry.deploy(name)
    world.deployed.insert(0, {"id": "5", "displayName": "a", "model": f"{MODEL}@1"})  # was not taken away
    registry.deploy("B")
    assert [one["displayName"] for one in world.deployed] == ["b"]


def test_what_is_not_there_is_said(world: World, registry: VertexRegistry, server: ContractServer) -> None:
    with pytest.raises(PreconditionError, match="not in Vertex AI's registry"):
        registry.deploy("C")
    registry.register(registration("C"))
    server.reply(METHODS + "endpoints.list", {})
    with pytest.raises(PreconditionError, match="no endpoint fsictl-scores"):
        registry.deploy("C")


def test_an_overloaded_service_is_asked_again_and_a_permission_is_explained(
    world: World, registry: VertexRegistry, server: ContractServer
) -> None:
    answers: list[Any] = [Refusal(503, "busy"), Refusal(429, "slow down"), {"endpoints": []}]
    server.reply(METHODS + "endpoints.list", lambda _: answers.pop(0))
    registry.register(registration("A"))
    with pytest.raises(PreconditionError, match="no endpoint"):
        registry.deploy("A")
    assert answers == []
    server.reply(METHODS + "models.upload", Refusal(403, "Permission 'aiplatform.models.upload' denied"))
    with pytest.raises(PreconditionError, match=r"you may not upload a model: .*aiplatform\.models\.upload"):
        registry.register(registration("B"))
