"""The backends under test: the conformance suite runs against every one of them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.emulators import PROJECT, Emulators, MissingEmulatorError

from fsictl.backends.gcp.schemas import table_resource, view_sql, views_dataset
from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import TABLES

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

NOW_MS = 1_577_836_800_000
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Backend:
    """One of each port over the same store, and the clock they look at."""

    messenger: Messenger
    warehouse: Warehouse
    artifacts: Artifacts
    clock: ManualClock


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Google's services on this machine, found through the environment as Google's libraries do."""
    pytest.importorskip("google.cloud.pubsub_v1", reason="no Google libraries: pip install 'fsictl[gcp]'")
    try:
        running = Emulators.start(tmp_path_factory.mktemp("emulators"))
    except MissingEmulatorError as error:
        pytest.skip(str(error))
    before = dict(os.environ)
    os.environ.update(running.environment())
    yield running
    os.environ.clear()
    os.environ.update(before)
    running.stop()


@pytest.fixture(params=["local", "gcp"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    clock = ManualClock(NOW_MS)
    if request.param == "gcp":
        request.getfixturevalue("emulators")
        return _cloud(clock)
    root = tmp_path / "workspace"
    return Backend(LocalMessenger(root, clock), LocalWarehouse(root, clock), LocalArtifacts(root), clock)


TOPICS = ("prices", "metrics", "reconerr", "jobs", "dead-letter")
READERS = ("metrics", "infer", "sink", "held")


def _cloud(clock: ManualClock) -> Backend:
    """A bucket, a dataset and topics of their own, empty."""
    from fsictl.backends.gcp.artifacts import GcsArtifacts
    from fsictl.backends.gcp.clients import bigquery_client, publisher_client, subscriber_client
    from fsictl.backends.gcp.control import Access
    from fsictl.backends.gcp.names import subscription_id, topic_id
    from fsictl.backends.gcp.objects import Objects
    from fsictl.backends.gcp.pubsub import PubSubMessenger
    from fsictl.backends.gcp.warehouse import BigQueryWarehouse

    number = next(_NUMBERS)
    prefix, dataset = f"test{number}", f"forex{number}"
    access = Access.of(PROJECT, os.environ, clock)
    objects = Objects.of(access, f"bucket-{number}")
    objects.make("EU")
    publisher, subscriber = publisher_client(access, os.environ), subscriber_client(access, os.environ)
    for topic in TOPICS:
        path = f"projects/{PROJECT}/topics/{topic_id(prefix, topic)}"
        publisher.create_topic(name=path)
        for reader in READERS:
            name = f"projects/{PROJECT}/subscriptions/{subscription_id(prefix, topic, reader)}"
            subscriber.create_subscription(name=name, topic=path, ack_deadline_seconds=60)
    client = bigquery_client(access)
    make_tables(client, dataset)
    messenger = PubSubMessenger(access, publisher, subscriber, objects, prefix=prefix, patience=0.1)
    warehouse = BigQueryWarehouse(access, client, dataset, messenger)
    return Backend(messenger, warehouse, GcsArtifacts(objects), clock)


def make_tables(client: Client, dataset: str) -> None:
    """The dataset, and that of the views, as Terraform makes them."""
    from google.cloud import bigquery

    for name in (dataset, views_dataset(dataset)):
        client.create_dataset(name)
    for schema in TABLES.values():
        reference = {"projectId": PROJECT, "datasetId": dataset, "tableId": schema.name}
        client.create_table(bigquery.Table.from_api_repr({"tableReference": reference, **table_resource(schema)}))
        view = bigquery.Table(f"{PROJECT}.{views_dataset(dataset)}.{schema.name}")
        view.view_query = view_sql(schema, PROJECT, dataset)
        client.create_table(view)
