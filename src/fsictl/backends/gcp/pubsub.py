"""Topics of Google Pub/Sub: publishing to them, and looking at what waits."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from fsictl.backends.gcp.channel import PubSubChannel, RowWriter
from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.names import HELD, ID_ATTRIBUTE, subscription_id, topic_id
from fsictl.backends.gcp.objects import Objects
from fsictl.backends.gcp.places import Places
from fsictl.backends.gcp.rows import one_row_messages
from fsictl.backends.gcp.subscription import Subscription, order
from fsictl.errors import InputError, PreconditionError
from fsictl.ports.messenger import PipelineProgress
from fsictl.ports.names import check_name
from fsictl.records.encoding import END_OF_INPUT
from fsictl.records.message import CONTENT_TYPE, Message, Received, dead_letter_identity
from fsictl.records.schemas import DEAD_LETTER_TOPIC, TOPIC_SCHEMAS

if TYPE_CHECKING:
    from google.pubsub_v1 import PublisherClient, SubscriberClient
    from google.pubsub_v1.types import PubsubMessage

MOST_MESSAGES = 1_000
MOST_BYTES = 9_000_000
"""Of one request; Pub/Sub takes 1,000 messages and ten megabytes."""

_MOST_HELD = 10_000


class PubSubMessenger:
    """A :class:`~fsictl.ports.messenger.Messenger` on Pub/Sub. Topics and subscriptions are Terraform's.

    Differences that the service makes: messages of a topic have no order; those of one call of :meth:`publish` are
    taken a thousand at a time, each thousand as a whole; :meth:`read` and :meth:`end` see what the topic's
    subscription ``held`` holds, up to ten thousand messages. Every message gets the attribute ``message-id``, by which
    readers know it when it had to be published twice. ``patience`` is how long a pull waits for Pub/Sub, seconds.
    With ``one_row`` every row of prices, metrics and reconerr is a message of its own, as BigQuery subscriptions need.
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
        one_row: bool = False,
    ) -> None:
        self._access, self._publisher, self._subscriber, self._objects = access, publisher, subscriber, objects
        self._prefix, self._patience, self._one_row = prefix, patience, one_row
        self._name, self._numbers = uuid.uuid4().hex[:12], count()

    def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Publish messages, as (topic, message); Pub/Sub has them when it returns."""
        by_topic: dict[str, list[PubsubMessage]] = {}
        for topic, message in self._apart(messages) if self._one_row else messages:
            by_topic.setdefault(self._topic(topic), []).append(self._to_pubsub(message))
        for topic, all_of_it in by_topic.items():
            for part in _parts(all_of_it):
                self._publish(topic, part)

    def _publish(self, topic: str, messages: list[PubsubMessage]) -> None:
        def publish() -> Any:
            return self._publisher.publish(topic=topic, messages=list(messages), retry=None, timeout=30.0)

        # When the answer is lost it makes two messages of each, which have the same identifier of ours.
        self._access.call(publish, f"publish to {topic}")

    @staticmethod
    def _apart(messages: Sequence[tuple[str, Message]]) -> Iterator[tuple[str, Message]]:
        for topic, message in messages:
            if message.attributes.get(CONTENT_TYPE) == END_OF_INPUT:
                continue  # it is no row; on Dataflow the watermark says when a source ends
            schema = TOPIC_SCHEMAS.get(topic)
            for one in [message] if schema is None else one_row_messages(schema, message):
                yield topic, one

    def _to_pubsub(self, message: Message) -> PubsubMessage:
        from google.pubsub_v1.types import PubsubMessage

        identifier = f"{self._name}{next(self._numbers):012x}"
        return PubsubMessage(data=message.data, attributes={**message.attributes, ID_ATTRIBUTE: identifier})

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
            Places(self._objects, check_name("pipeline", pipeline)),
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

    def drop(self, dead_letters: Sequence[str]) -> int:
        """Remove the dead letters of these ids, and what others say of the same; returns how many there were."""
        held = self._subscription(DEAD_LETTER_TOPIC, HELD)
        wanted = set(dead_letters)
        try:
            found = _all_of(held)
            chosen = {dead_letter_identity(one.message) for one in found if one.id in wanted} - {None}
            dropped = [one.id for one in found if one.id in wanted or dead_letter_identity(one.message) in chosen]
            for name in dropped:
                held.done(name)
            held.acknowledge()
        finally:
            held.give_back()
        return len(wanted.intersection(dropped))

    def newest_with(self, topic: str, attribute: str, value: str) -> Message | None:
        """Not to be had: Pub/Sub does not keep messages for those who publish them."""
        message = "Pub/Sub does not tell what was published before"
        hint = f"Look where the table {topic} ends, and publish from there: generate --start TIME."
        raise PreconditionError(message, hint=hint)

    def waiting(self, topic: str) -> int:
        """Nothing, for a publisher: Pub/Sub keeps what waits for seven days, however much it is."""
        return 0

    def sizes(self) -> dict[str, int]:
        """Nothing is kept on this machine."""
        return {}

    def _held(self, topic: str) -> list[Received]:
        """Pull all that is there, and give it back; what several say of one dead letter once."""
        held = self._subscription(topic, HELD)
        try:
            found = _all_of(held)
        finally:
            held.give_back()
        return _each_once(found) if topic == DEAD_LETTER_TOPIC else found

    def _topic(self, topic: str) -> str:
        return f"projects/{self._access.project}/topics/{topic_id(self._prefix, check_name('topic', topic))}"

    def _subscription(self, topic: str, reader: str) -> Subscription:
        name = subscription_id(self._prefix, check_name("topic", topic), check_name("pipeline", reader))
        path = f"projects/{self._access.project}/subscriptions/{name}"
        return Subscription(self._access, self._subscriber, topic, path, patience=self._patience)


def _all_of(held: Subscription) -> list[Received]:
    found: list[Received] = []
    while len(found) < _MOST_HELD and (some := held.pull(MOST_MESSAGES)):
        found += some
    return sorted(found, key=order)


def _each_once(letters: Sequence[Received]) -> list[Received]:
    """The first of the dead letters that tell of the same thing."""
    known: set[bytes] = set()
    found = []
    for one in letters:
        identity = dead_letter_identity(one.message)
        if identity is None or identity not in known:
            found.append(one)
        if identity is not None:
            known.add(identity)
    return found


def _parts(messages: Sequence[PubsubMessage]) -> Iterator[list[PubsubMessage]]:
    """The messages in requests that are not too large; one that is too large alone is refused by Pub/Sub."""
    from google.pubsub_v1.types import PubsubMessage

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
