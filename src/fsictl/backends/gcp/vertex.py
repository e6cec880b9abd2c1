"""Vertex AI: our versions as versions of one model in its registry, and the endpoint that answers with one of them.

A version's files stay where the model store has them; Vertex AI copies them to a bucket of its own and hands the copy
to our container (``fsictl model serve``) in ``AIP_STORAGE_URI``. See
https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import NotFound
from google.cloud import aiplatform_v1 as vertex

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.endpoint import take_off
from fsictl.errors import PreconditionError
from fsictl.ports.registry import Registration

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1 import EndpointServiceClient, Model, ModelServiceClient

CHAMPION = "champion"
VERSION_LABEL = "fsictl_version"
_PORT = 8080
_PATIENCE = 1800.0
"""Seconds until a deployment has failed; Vertex AI takes some ten minutes."""


@dataclass(frozen=True, slots=True)
class VertexPlace:
    """Where models are listed and served, and by what.

    ``parent`` is ``projects/…/locations/…``; ``model_id`` the id of the one model, ``endpoint`` a display name;
    ``image`` speaks the prediction routes; ``account`` runs it; ``machine_type`` and ``most_replicas`` bound its cost.
    """

    parent: str
    model_id: str
    endpoint: str
    image: str
    account: str
    machine_type: str = "n1-standard-2"
    most_replicas: int = 2

    @property
    def model(self) -> str:
        """The model's resource name."""
        return f"{self.parent}/models/{self.model_id}"


class VertexRegistry:
    """A model registry, and an endpoint that Terraform made."""

    def __init__(self, access: Access, place: VertexPlace, folder_of: Callable[[str], str]) -> None:
        """``folder_of`` gives the ``gs://`` folder of a version's files."""
        self._access, self._place, self._folder_of = access, place, folder_of

    @cached_property
    def _models(self) -> ModelServiceClient:
        return self._client(vertex.ModelServiceClient)

    @cached_property
    def _endpoints(self) -> EndpointServiceClient:
        return self._client(vertex.EndpointServiceClient)

    def _client(self, kind: Any) -> Any:
        """Vertex AI answers at an address of the region."""
        region = self._place.parent.rpartition("/")[2]
        address = self._access.endpoint or f"{region}-aiplatform.googleapis.com"
        options = ClientOptions(api_endpoint=address)
        return kind(credentials=self._access.credentials, transport="rest", client_options=options)

    def _call(self, action: Callable[[], Any], what: str, *, again: bool = True) -> Any:
        """What a call gave, and when it began a long operation what that gave in the end."""
        began = self._access.call(action, what, again=again)
        if hasattr(began, "result"):
            return self._access.call(lambda: began.result(timeout=_PATIENCE), what)
        return began

    def register(self, version: Registration) -> str:
        """List a version under the one model, or find it there, and let the alias ``champion`` name it."""
        found = self._find(version.labels[VERSION_LABEL])
        if found is None:
            request = self._upload(version)
            answer = self._call(lambda: self._models.upload_model(request=request), "upload a model", again=False)
            return f"{answer.model}@{answer.model_version_id}"
        if CHAMPION not in found.version_aliases:
            named = f"{self._place.model}@{found.version_id}"
            aliases = [CHAMPION]
            self._call(
                lambda: self._models.merge_version_aliases(name=named, version_aliases=aliases), "name a model version"
            )
        return f"{self._place.model}@{found.version_id}"

    def deploy(self, version: str) -> None:
        """Bring a version up beside the one that answers, then give it all traffic and take the other away."""
        found = self._find(_label(version))
        if found is None:
            message = f"model version {version} is not in Vertex AI's registry"
            raise PreconditionError(message, hint=f"Promote it: fsictl model promote {version}.")
        endpoint = self._endpoint()
        before = [one for one in endpoint.deployed_models if one.display_name != _label(version)]
        if len(before) == len(endpoint.deployed_models):
            resources = vertex.DedicatedResources(
                machine_spec=vertex.MachineSpec(machine_type=self._place.machine_type),
                min_replica_count=1,
                max_replica_count=self._place.most_replicas,
            )
            deployed = vertex.DeployedModel(
                model=f"{self._place.model}@{found.version_id}",
                display_name=_label(version),
                dedicated_resources=resources,
                service_account=self._place.account,
            )
            traffic = {"0": 100}  # "0" is the one to be deployed
            self._call(
                lambda: self._endpoints.deploy_model(
                    endpoint=endpoint.name, deployed_model=deployed, traffic_split=traffic
                ),
                "deploy a model",
                again=False,
            )
        for one in before:
            take_off(self._access, endpoint.name, one.id)

    def _upload(self, version: Registration) -> vertex.UploadModelRequest:
        model = vertex.Model(
            display_name=self._place.model_id,
            description="Says when an RSI signal cannot be trusted.",
            version_description=version.description,
            version_aliases=[CHAMPION],
            labels=dict(version.labels),
            artifact_uri=self._folder_of(version.version),
            container_spec=vertex.ModelContainerSpec(
                image_uri=self._place.image,
                args=["model", "serve", "--host", "0.0.0.0", "--port", str(_PORT)],  # noqa: S104 - inside a container
                ports=[vertex.Port(container_port=_PORT)],
                predict_route="/predict",
                health_route="/health",
            ),
        )
        if self._exists():
            return vertex.UploadModelRequest(parent=self._place.parent, parent_model=self._place.model, model=model)
        return vertex.UploadModelRequest(parent=self._place.parent, model_id=self._place.model_id, model=model)

    def _exists(self) -> bool:
        def get() -> bool:
            try:
                self._models.get_model(name=self._place.model, retry=None)
            except NotFound:
                return False
            return True

        return bool(self._call(get, "look for a model"))

    def _find(self, label: str) -> Model | None:
        request = vertex.ListModelVersionsRequest(
            name=self._place.model, filter=f'labels.{VERSION_LABEL}="{label}"', page_size=10
        )

        def first() -> Model | None:
            try:
                return next(iter(self._models.list_model_versions(request=request, retry=None)), None)
            except NotFound:
                return None

        found: Model | None = self._call(first, "list model versions")
        return found

    def _endpoint(self) -> vertex.Endpoint:
        request = vertex.ListEndpointsRequest(
            parent=self._place.parent, filter=f'display_name="{self._place.endpoint}"', page_size=10
        )
        found: vertex.Endpoint | None = self._call(
            lambda: next(iter(self._endpoints.list_endpoints(request=request, retry=None)), None), "list endpoints"
        )
        if found is None:
            message = f"there is no endpoint {self._place.endpoint} in {self._place.parent}"
            raise PreconditionError(message, hint="Make it: fsictl infra up, with the endpoint enabled.")
        return found


def _label(version: str) -> str:
    return version.lower()
