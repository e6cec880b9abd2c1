"""Clients of Google's data services: the real ones, or emulators that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fsictl.backends.gcp.control import Access, needs_gcp

if TYPE_CHECKING:
    from google.cloud.bigquery import Client
    from google.cloud.bigquery_storage_v1 import BigQueryReadClient
    from google.pubsub_v1 import PublisherClient, SubscriberClient

PUBSUB_VARIABLE = "PUBSUB_EMULATOR_HOST"
BIGQUERY_VARIABLE = "BIGQUERY_EMULATOR_HOST"
BIGQUERY_STORAGE_VARIABLE = "BIGQUERY_STORAGE_EMULATOR_HOST"
STORAGE_VARIABLE = "STORAGE_EMULATOR_HOST"


def publisher_client(access: Access, environment: Mapping[str, str]) -> PublisherClient:
    """What publishes."""
    with needs_gcp():
        from google.pubsub_v1 import PublisherClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
    return PublisherClient(**_way(access, environment.get(PUBSUB_VARIABLE), PublisherGrpcTransport))


def subscriber_client(access: Access, environment: Mapping[str, str]) -> SubscriberClient:
    """What pulls."""
    with needs_gcp():
        from google.pubsub_v1 import SubscriberClient
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
    return SubscriberClient(**_way(access, environment.get(PUBSUB_VARIABLE), SubscriberGrpcTransport))


def bigquery_client(access: Access, environment: Mapping[str, str], location: str | None = None) -> Client:
    """What asks and writes tables."""
    with needs_gcp():
        from google.cloud import bigquery
    endpoint = environment.get(BIGQUERY_VARIABLE) or access.endpoint
    options = None if endpoint is None else {"api_endpoint": endpoint}
    return bigquery.Client(access.project, access.credentials, location=location, client_options=options)


def bigquery_read_client(access: Access, environment: Mapping[str, str]) -> BigQueryReadClient:
    """What fetches large results, as Arrow and in parallel."""
    with needs_gcp():
        from google.cloud.bigquery_storage_v1 import BigQueryReadClient
        from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport
    emulator = environment.get(BIGQUERY_STORAGE_VARIABLE)
    return BigQueryReadClient(**_way(access, emulator, BigQueryReadGrpcTransport))


def storage_client(access: Access, environment: Mapping[str, str]) -> Any:
    """What reads and writes objects; Google's library untyped."""
    with needs_gcp():
        from google.cloud import storage
    endpoint = environment.get(STORAGE_VARIABLE) or access.endpoint
    options = None if endpoint is None else {"api_endpoint": endpoint}
    return storage.Client(access.project, access.credentials, client_options=options)


def _way(access: Access, emulator: str | None, transport: Any) -> dict[str, Any]:
    if not emulator:
        return {"credentials": access.credentials}
    import grpc

    return {"transport": transport(channel=grpc.insecure_channel(emulator))}
