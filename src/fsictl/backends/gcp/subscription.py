"""One subscription of Pub/Sub: what was pulled from it is held until it is done or given back."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import TYPE_CHECKING, Any

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.names import ID_ATTRIBUTE
from fsictl.records.message import Message, Received

if TYPE_CHECKING:
    from google.pubsub_v1 import SubscriberClient
    from google.pubsub_v1.types import PubsubMessage

HOLD = 60
"""Seconds for which Pub/Sub gives nobody else what was pulled; renewed while it is held."""

_AT_ONCE = 1000


class Subscription:
    """What a topic has for one reader.

    ``patience`` is how long Pub/Sub may take to find a message, seconds: it may say that there is none too early.
    """

    def __init__(self, access: Access, subscriber: SubscriberClient, topic: str, path: str, *, patience: float) -> None:
        self.topic = topic
        self._access, self._subscriber, self._path, self._patience = access, subscriber, path, patience
        self._held: dict[str, list[str]] = {}  # identifiers of messages, each with what acknowledges its deliveries
        self._done: list[str] = []
        self._renewed = access.clock.monotonic()

    def pull(self, limit: int, known: Set[tuple[str, str]] = frozenset()) -> list[Received]:
        """Up to ``limit`` messages not held now, the oldest first; those ``known`` to be done are acknowledged."""
        self._renew()
        found: dict[str, Received] = {}
        for one in self._pull(limit):
            message = received(self.topic, one.message)
            if (self.topic, message.id) in known:
                self._done.append(one.ack_id)
                continue
            if message.id not in self._held:
                found[message.id] = message
            self._held.setdefault(message.id, []).append(one.ack_id)
        self.acknowledge()
        return sorted(found.values(), key=order)

    def _pull(self, limit: int) -> list[Any]:
        from google.api_core.exceptions import DeadlineExceeded

        def pull() -> list[Any]:
            try:
                answer = self._subscriber.pull(
                    subscription=self._path, max_messages=limit, retry=None, timeout=self._patience
                )
            except DeadlineExceeded:  # there is none
                return []
            return list(answer.received_messages)

        found: list[Any] = self._access.call(pull, f"pull from {self._path}")
        return found

    def done(self, name: str) -> None:
        """That message need not come again; :meth:`acknowledge` says so to Pub/Sub."""
        self._done += self._held.pop(name)

    def acknowledge(self) -> None:
        """Tell Pub/Sub what is done. It forgets that now and then, and delivers a message again."""
        while self._done:
            some = self._done[:_AT_ONCE]

            def acknowledge(some: list[str] = some) -> None:
                self._subscriber.acknowledge(subscription=self._path, ack_ids=some, retry=None, timeout=30.0)

            self._access.call(acknowledge, f"acknowledge messages of {self._path}")
            del self._done[: len(some)]

    def give_back(self) -> None:
        """Let what is held come again, at once."""
        self._hold(self._held.values(), 0)
        self._held.clear()

    def _renew(self) -> None:
        now = self._access.clock.monotonic()
        if now - self._renewed >= HOLD / 3:
            self._hold(self._held.values(), HOLD)
            self._renewed = now

    def _hold(self, held: Iterable[list[str]], seconds: int) -> None:
        acks = [ack for of_one in held for ack in of_one]
        for first in range(0, len(acks), _AT_ONCE):
            some = acks[first : first + _AT_ONCE]

            def hold(some: list[str] = some) -> None:
                self._subscriber.modify_ack_deadline(
                    subscription=self._path, ack_ids=some, ack_deadline_seconds=seconds, retry=None, timeout=30.0
                )

            self._access.call(hold, f"hold messages of {self._path}")


def received(topic: str, message: PubsubMessage) -> Received:
    """A message of Pub/Sub as ours.

    Its identifier is the one that our publishers give, because a publisher that did not hear an answer publishes
    again, and Pub/Sub then gives each of the two one of its own.
    """
    attributes = dict(message.attributes)
    name = attributes.pop(ID_ATTRIBUTE, "") or message.message_id
    published = round(message.publish_time.timestamp() * 1000)
    return Received(topic, name, Message(bytes(message.data), attributes), published)


def order(one: Received) -> tuple[int, int, str]:
    """Messages in the order in which they were published, as far as Pub/Sub and our publishers tell."""
    return one.published_ms, len(one.id), one.id
