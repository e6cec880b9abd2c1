"""Taking models off a Vertex AI endpoint, which costs money as long as one is on it, asked or not."""

from __future__ import annotations

from typing import Any

from fsictl.backends.gcp.control import Access
from fsictl.errors import ServiceError

WITHIN = 1800.0
"""Seconds until a model has not gone; Vertex AI takes a few minutes."""

_LOOK_EVERY = 5.0


def deployed_models(access: Access, endpoint: str) -> list[str]:
    """The ids of the models on an endpoint (``projects/…/locations/…/endpoints/…``), those with least traffic first."""
    found = access.request("GET", _service(endpoint), f"v1/{endpoint}", what="look at the endpoint")
    shares = found.get("trafficSplit", {})
    return sorted((str(one["id"]) for one in found.get("deployedModels", [])), key=lambda one: shares.get(one, 0))


def undeploy(access: Access, endpoint: str) -> list[str]:
    """Take every model off an endpoint, the one that answers last; returns their ids when all are gone."""
    models = deployed_models(access, endpoint)
    for number, model in enumerate(models):
        others = models[number + 1 :]
        take_off(access, endpoint, model, instead=others[-1] if others else None)
    return models


def take_off(access: Access, endpoint: str, model: str, *, instead: str | None = None) -> None:
    """Take one model off an endpoint; ``instead`` gets all requests then, which is needed when ``model`` had some."""
    body: dict[str, Any] = {"deployedModelId": model}
    if instead is not None:
        body["trafficSplit"] = {instead: 100}
    what = "take a model off the endpoint"
    operation = access.request("POST", _service(endpoint), f"v1/{endpoint}:undeployModel", what=what, body=body)
    _wait(access, endpoint, operation)


def _wait(access: Access, endpoint: str, operation: dict[str, Any]) -> None:
    end = access.clock.monotonic() + WITHIN
    while not operation.get("done"):
        if access.clock.monotonic() > end:
            message = f"a model has not left the endpoint in {WITHIN / 60:.0f} minutes"
            raise ServiceError(message, hint="It may still: run the same command again.")
        access.clock.sleep(_LOOK_EVERY)
        path = f"v1/{operation['name']}"
        operation = access.request("GET", _service(endpoint), path, what="wait for a model to leave the endpoint")
    if "error" in operation:
        message = f"a model cannot be taken off the endpoint: {operation['error'].get('message', 'no reason given')}"
        raise ServiceError(message, hint="Look at it in the console under Vertex AI, Endpoints, and try again.")


def _service(endpoint: str) -> str:
    """The regional service that has the endpoint.

    >>> _service("projects/p/locations/europe-west1/endpoints/7")
    'europe-west1-aiplatform'
    """
    return f"{endpoint.split('/')[3]}-aiplatform"
