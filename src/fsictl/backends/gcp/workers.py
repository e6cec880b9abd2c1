"""What the workers of a Dataflow job open for themselves, each once: functions that travel to them by name."""

from __future__ import annotations

import os

from fsictl.clock import SystemClock
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse

_FRESH = 10.0
"""Seconds for which a worker may go on with the champion that it knows."""


def open_artifacts(project: str, bucket: str) -> Artifacts:
    """The store of model versions."""
    from fsictl.backends.gcp.artifacts import GcsArtifacts
    from fsictl.backends.gcp.control import Access
    from fsictl.backends.gcp.objects import Objects

    access = Access.of(project, os.environ, SystemClock())
    return GcsArtifacts(Objects.of(access, bucket), fresh=_FRESH)


def open_warehouse(project: str, dataset: str) -> Warehouse:
    """The tables."""
    from fsictl.backends.gcp.clients import bigquery_client
    from fsictl.backends.gcp.control import Access
    from fsictl.backends.gcp.warehouse import BigQueryWarehouse

    access = Access.of(project, os.environ, SystemClock())
    return BigQueryWarehouse(access, bigquery_client(access, os.environ), dataset)
