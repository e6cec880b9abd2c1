"""Cloud Run jobs: workloads that begin, do their work in a container, and end. Terraform makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fsictl.backends.gcp.control import Access
from fsictl.errors import CheckFailedError, ServiceError

_LOOK_EVERY = 10.0
_CONTAINER = "fsictl"
"""The container that Terraform gives every job; one with a database has a second, which reaches it."""


def run_job(
    access: Access, region: str, job: str, arguments: Sequence[str], *, within: float, say: Callable[[str], None]
) -> str:
    """Execute a job with these arguments in place of its own, wait for its end, and return the execution's name.

    Raises ``CheckFailedError`` when the execution failed, and ``ServiceError`` when it has not ended ``within``
    seconds: it goes on then. It is asked for once only, so that no workload runs twice.
    """
    name = f"projects/{access.project}/locations/{region}/jobs/{job}"
    body = {"overrides": {"containerOverrides": [{"name": _CONTAINER, "args": list(arguments)}]}}
    operation = access.request("POST", "run", f"v2/{name}:run", what=f"run the job {job}", body=body)
    execution = str(operation.get("metadata", {}).get("name", "")).rsplit("/", 1)[-1] or job
    say(f"{job}: execution {execution} has begun")
    end = access.clock.monotonic() + within
    while not operation.get("done"):
        if access.clock.monotonic() >= end:
            message = f"the execution {execution} has not ended in {within / 60:.0f} minutes and goes on"
            raise ServiceError(message, hint=_look(execution, region))
        access.clock.sleep(_LOOK_EVERY)
        operation = access.request("GET", "run", f"v2/{operation['name']}", what=f"look at the job {job}")
    failed: dict[str, Any] = operation.get("error") or {}
    if failed:
        message = f"the execution {execution} failed: {str(failed.get('message', 'no reason given')).rstrip('.')}"
        raise CheckFailedError(message, hint=_look(execution, region))
    return execution


def _look(execution: str, region: str) -> str:
    return f"See it: gcloud run jobs executions describe {execution} --region {region}."
