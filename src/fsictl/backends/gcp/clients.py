"""Clients of Google's data services: the real ones, or emulators that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fsictl.backends.gcp.control import Access, needs_gcp

if TYPE_CHECKING:
    from google.cloud.bigquery import Client
    from google.pubsub_v1 import PublisherClient, SubscriberClient

PUBSUB_VARIABLE = "PUBSUB_EMULATOR_HOST"


def publisher_client(access: Access, environment: Mapping[str, str]) -> PublisherClient:
    """What publishes."""
    with needs_gcp():
        from google.pubsub_v1 import PublisherClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
    return PublisherClient(**_way(access, environment, PublisherGrpcTransport))


def subscriber_client(access: Access, environment: Mapping[str, str]) -> SubscriberClient:
    """What pulls."""
    with needs_gcp():
        from google.pubsub_v1 import SubscriberClient
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
    return SubscriberClient(**_way(access, environment, SubscriberGrpcTransport))


def _way(access: Access, environment: Mapping[str, str], transport: Any) -> dict[str, Any]:
    emulator = environment.get(PUBSUB_VARIABLE)
    if not emulator:
        return {"credentials": access.credentials}
    import grpc

    return {"transport": transport(channel=grpc.insecure_channel(emulator))}


def bigquery_client(access: Access, location: str | None = None) -> Client:
    """What asks and writes tables; Google's library finds the emulator itself."""
    with needs_gcp():
        from google.cloud import bigquery
    options = None if access.endpoint is None else {"api_endpoint": access.endpoint}
    return bigquery.Client(access.project, access.credentials, location=location, client_options=options)
