"""Topics of Google Pub/Sub: publishing to them, and looking at what waits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from google.pubsub_v1.types import PubsubMessage

from fsictl.backends.gcp.channel import PubSubChannel, RowWriter
from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.names import subscription_id, topic_id
from fsictl.backends.gcp.objects import Objects
from fsictl.backends.gcp.places import Places
from fsictl.backends.gcp.subscription import Subscription
from fsictl.errors import InputError
from fsictl.ports.messenger import PipelineProgress
from fsictl.records.message import Message, Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC

if TYPE_CHECKING:
    from google.pubsub_v1 import PublisherClient, SubscriberClient

MOST_MESSAGES = 1_000
MOST_BYTES = 9_000_000
"""Of one request; Pub/Sub takes 1,000 messages and ten megabytes."""

HELD = "held"
"""The reader of a topic whose messages nobody takes: people look at them."""

_MOST_HELD = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class PubSubMessenger:
    """A :class:`~fsictl.ports.messenger.Messenger` on Pub/Sub. Topics and subscriptions are Terraform's.

    Differences that the service makes: messages of a topic have no order; those of one call of :meth:`publish` are
    taken a thousand at a time, each thousand as a whole; :meth:`read` and :meth:`end` see what the topic's
    subscription ``held`` holds, up to ten thousand messages. ``patience`` is how long a pull waits for Pub/Sub,
    seconds.
    """

    def __init__(
        self,
        access: Access,
        publisher: PublisherClient,
        subscriber: SubscriberClient,
        objects: Objects,
        *,
        prefix: str,
        patience: float = 1.0,
    ) -> None:
        self._access, self._publisher, self._subscriber, self._objects = access, publisher, subscriber, objects
        self._prefix, self._patience = prefix, patience

    def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Publish messages, as (topic, message); Pub/Sub has them when it returns."""
        by_topic: dict[str, list[PubsubMessage]] = {}
        for topic, message in messages:
            by_topic.setdefault(self._topic(topic), []).append(_to_pubsub(message))
        for topic, all_of_it in by_topic.items():
            for part in _parts(all_of_it):
                self._publish(topic, part)

    def _publish(self, topic: str, messages: Sequence[PubsubMessage]) -> None:
        def publish() -> Any:
            return self._publisher.publish(topic=topic, messages=list(messages), retry=None, timeout=30.0)

        # Publishing twice makes two messages; what reads them minds that, and a lost answer must not lose prices.
        self._access.call(publish, f"publish to {topic}")

    def channel(self, pipeline: str, inputs: Sequence[str], output: str) -> PubSubChannel:
        """The channel of ``pipeline``; see the port, and :class:`PubSubChannel` for what differs."""
        return self.open(pipeline, inputs, publishes=output)

    def open(
        self,
        pipeline: str,
        inputs: Sequence[str],
        *,
        publishes: str | None = None,
        write_rows: RowWriter | None = None,
    ) -> PubSubChannel:
        """A channel that publishes to a topic, or writes rows."""
        if DEAD_LETTER_TOPIC in {*inputs, publishes}:
            message = f"the pipeline {pipeline} cannot have {DEAD_LETTER_TOPIC} as its input or output"
            raise InputError(message, hint="Every pipeline may write dead letters; read them with the messenger.")
        if publishes is not None:
            self._topic(publishes)
        return PubSubChannel(
            self._access,
            Places(self._objects, _check("pipeline", pipeline)),
            self.publish,
            pipeline=pipeline,
            inputs=[self._subscription(topic, pipeline) for topic in dict.fromkeys(inputs)],
            publishes=publishes,
            write_rows=write_rows,
        )

    def read(self, topic: str, after: str | None = None, limit: int = 1000) -> list[Received]:
        """Messages that the topic's subscription ``held`` holds, oldest first."""
        found = self._held(topic)
        if after is not None:
            places = [number for number, one in enumerate(found) if one.id == after]
            if not places:
                message = f"there is no message {after!r} in {topic}"
                raise InputError(message, hint="Give the identifier of a message that was read before.")
            found = found[places[0] + 1 :]
        return found[:limit]

    def end(self, topic: str) -> int:
        """How many messages the topic's subscription ``held`` holds."""
        return len(self._held(topic))

    def progress(self, pipeline: str) -> PipelineProgress | None:
        """How far a pipeline on this messenger is; its backlog is in Cloud Monitoring, and not here."""
        place = Places(self._objects, pipeline).newest()
        return None if place is None else PipelineProgress(pipeline, place.counters, place.committed_ms, {})

    def _held(self, topic: str) -> list[Received]:
        """Pull all that is there, and give it back."""
        held = self._subscription(topic, HELD)
        found: list[Received] = []
        try:
            while len(found) < _MOST_HELD and (some := held.pull(MOST_MESSAGES)):
                found += some
        finally:
            held.give_back()
        return sorted(found, key=lambda one: (one.published_ms, one.id.rjust(32, "0")))

    def _topic(self, topic: str) -> str:
        return f"projects/{self._access.project}/topics/{topic_id(self._prefix, _check('topic', topic))}"

    def _subscription(self, topic: str, reader: str) -> Subscription:
        name = subscription_id(self._prefix, _check("topic", topic), _check("pipeline", reader))
        path = f"projects/{self._access.project}/subscriptions/{name}"
        return Subscription(self._access, self._subscriber, topic, path, patience=self._patience)


def _to_pubsub(message: Message) -> PubsubMessage:
    return PubsubMessage(data=message.data, attributes=dict(message.attributes))


def _parts(messages: Sequence[PubsubMessage]) -> Iterator[list[PubsubMessage]]:
    """The messages in requests that are not too large; one that is too large alone is refused by Pub/Sub."""
    part: list[PubsubMessage] = []
    size = 0
    for message in messages:
        of_this = PubsubMessage.pb(message).ByteSize()
        if part and (len(part) == MOST_MESSAGES or size + of_this > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(message)
        size += of_this
    if part:
        yield part


def _check(what: str, name: str) -> str:
    if _NAME.fullmatch(name) is None:
        message = f"{name!r} cannot be the name of a {what}"
        raise InputError(message, hint="Use up to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit.")
    return name
