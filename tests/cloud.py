"""A place of its own on the emulators: topics and subscriptions, a dataset, a bucket, as Terraform makes them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from tests.emulators import PROJECT, Emulators, MissingEmulatorError

from fsictl.backends.gcp.artifacts import GcsArtifacts
from fsictl.backends.gcp.clients import bigquery_client, bigquery_read_client, publisher_client, subscriber_client
from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.names import HELD, READERS, subscription_id, topic_id
from fsictl.backends.gcp.objects import Objects
from fsictl.backends.gcp.pubsub import PubSubMessenger
from fsictl.backends.gcp.schemas import table_resource, view_sql, views_dataset
from fsictl.backends.gcp.warehouse import BigQueryWarehouse
from fsictl.clock import Clock
from fsictl.records.schemas import TABLES

_NUMBERS = itertools.count()


@contextmanager
def running_emulators(folder: Path) -> Iterator[Mapping[str, str]]:
    """Google's services on this machine, as environment variables; skips the test where one is missing."""
    try:
        emulators = Emulators.start(folder)
    except MissingEmulatorError as error:
        pytest.skip(str(error))
    try:
        yield emulators.environment()
    finally:
        emulators.stop()


@dataclass
class Place:
    """Names that nobody else has, on the emulators of ``environment``; a service is set up when it is first used."""

    environment: Mapping[str, str]
    clock: Clock
    patience: float = 0.15

    def __post_init__(self) -> None:
        number = next(_NUMBERS)
        self.prefix, self.dataset, self.bucket = f"test{number}", f"forex{number}", f"bucket-{number}"

    @property
    def settings(self) -> dict[str, str]:
        """The environment in which the command finds this place."""
        names = {"PROJECT": PROJECT, "PREFIX": self.prefix, "DATASET": self.dataset, "BUCKET": self.bucket}
        return {**self.environment, "FSICTL_TARGET": "gcp", **{f"FSICTL_GCP_{key}": it for key, it in names.items()}}

    @cached_property
    def access(self) -> Access:
        return Access.of(PROJECT, self.environment, self.clock)

    @cached_property
    def publisher(self) -> Any:
        return publisher_client(self.access, self.environment)

    @cached_property
    def subscriber(self) -> Any:
        return subscriber_client(self.access, self.environment)

    def topic(self, topic: str) -> str:
        return f"projects/{PROJECT}/topics/{topic_id(self.prefix, topic)}"

    def subscription(self, topic: str, reader: str) -> str:
        return f"projects/{PROJECT}/subscriptions/{subscription_id(self.prefix, topic, reader)}"

    @cached_property
    def objects(self) -> Objects:
        objects = Objects.of(self.access, self.bucket, self.environment)
        objects.make("EU")
        return objects

    def make_topics(self, readers: Mapping[str, tuple[str, ...]] = READERS) -> None:
        """Topics and subscriptions; beside Terraform's everything is held, for tests to look at."""
        for topic, names in readers.items():
            self.publisher.create_topic(name=self.topic(topic))
            for reader in dict.fromkeys((*names, HELD)):
                name = self.subscription(topic, reader)
                self.subscriber.create_subscription(name=name, topic=self.topic(topic), ack_deadline_seconds=60)

    @cached_property
    def messenger(self) -> PubSubMessenger:
        self.make_topics({**READERS, "jobs": ("metrics",)})
        return self.open_messenger()

    def open_messenger(self) -> PubSubMessenger:
        """Another one on the same topics."""
        return PubSubMessenger(
            self.access, self.publisher, self.subscriber, self.objects, prefix=self.prefix, patience=self.patience
        )

    def make_tables(self) -> None:
        """Both datasets, with tables and views."""
        from google.cloud import bigquery

        for name in (self.dataset, views_dataset(self.dataset)):
            self.bigquery.create_dataset(name)
        for schema in TABLES.values():
            reference = {"projectId": PROJECT, "datasetId": self.dataset, "tableId": schema.name}
            resource = {"tableReference": reference, **table_resource(schema)}
            self.bigquery.create_table(bigquery.Table.from_api_repr(resource))
            view = bigquery.Table(f"{PROJECT}.{views_dataset(self.dataset)}.{schema.name}")
            view.view_query = view_sql(schema, PROJECT, self.dataset)
            self.bigquery.create_table(view)

    @cached_property
    def bigquery(self) -> Any:
        return bigquery_client(self.access, self.environment)

    @cached_property
    def warehouse(self) -> BigQueryWarehouse:
        self.make_tables()
        return BigQueryWarehouse(
            self.access,
            self.bigquery,
            self.dataset,
            open_sink=self._open_sink,
            reader=lambda: bigquery_read_client(self.access, self.environment),
        )

    def _open_sink(self, *arguments: Any, **named: Any) -> Any:
        return self.messenger.open(*arguments, **named)

    @cached_property
    def artifacts(self) -> GcsArtifacts:
        return GcsArtifacts(self.objects)
