"""What the workers of a Dataflow job open for themselves, each once: functions that travel to them by name."""

from __future__ import annotations

import os

from fsictl.backends.gcp.artifacts import GcsArtifacts
from fsictl.backends.gcp.clients import bigquery_client, publisher_client, subscriber_client
from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.objects import Objects
from fsictl.clock import SystemClock
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse

_FRESH = 10.0
"""Seconds after which a worker looks again for the champion."""


def open_artifacts(project: str, bucket: str) -> Artifacts:
    """The store of model versions."""
    return GcsArtifacts(Objects.of(_access(project), bucket), fresh=_FRESH)


def open_warehouse(project: str, dataset: str) -> Warehouse:
    """The tables, for writing; topics are the runner's."""
    from fsictl.backends.gcp.pubsub import PubSubMessenger
    from fsictl.backends.gcp.warehouse import BigQueryWarehouse

    access = _access(project)
    publisher, subscriber = publisher_client(access, os.environ), subscriber_client(access, os.environ)
    messenger = PubSubMessenger(access, publisher, subscriber, Objects.of(access, project), prefix="")
    return BigQueryWarehouse(access, bigquery_client(access), dataset, messenger)


def _access(project: str) -> Access:
    return Access.of(project, os.environ, SystemClock())
