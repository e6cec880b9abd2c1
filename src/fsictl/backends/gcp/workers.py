"""What the workers of a Dataflow job open for themselves, each once: functions that travel to them by name."""

from __future__ import annotations

from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse


def open_artifacts(project: str, bucket: str) -> Artifacts:
    """The store of model versions."""
    from fsictl.backends.gcp.artifacts import CloudArtifacts  # type: ignore[import-untyped]

    opened: Artifacts = CloudArtifacts(project, bucket)
    return opened


def open_warehouse(project: str, dataset: str) -> Warehouse:
    """The tables."""
    from fsictl.backends.gcp.warehouse import CloudWarehouse  # type: ignore[import-untyped]

    opened: Warehouse = CloudWarehouse(project, dataset)
    return opened
