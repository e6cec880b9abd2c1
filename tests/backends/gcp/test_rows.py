"""A messenger whose messages carry one row each, as BigQuery subscriptions need them."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("google.pubsub_v1")

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.pubsub import PubSubMessenger
from fsictl.clock import ManualClock
from fsictl.records.encoding import encode_end_of_input, encode_ticks
from fsictl.records.message import Message
from fsictl.records.ticks import Ticks


class Publisher:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.published: list[tuple[str, Any]] = []

    def publish(self, *, topic: str, messages: list[Any], **_: object) -> None:
        self.published += [(topic, message) for message in messages]


def test_rows_are_published_apart_and_the_rest_as_it_is() -> None:
    publisher: Any = Publisher()
    nobody: Any = None
    messenger = PubSubMessenger(Access("p", ManualClock()), publisher, nobody, nobody, prefix="f", one_row=True)
    ticks = Ticks.of(["A", "B"], [1_000, 2_000], [1.0, 2.0])
    letter = Message(b"bytes", {"timestamp": "1", "symbol": "A", "reason": "late"})
    messenger.publish(
        [("prices", encode_ticks(ticks)), ("prices", encode_end_of_input(2_000)), ("dead-letter", letter)]
    )
    *prices, (topic, kept) = publisher.published
    assert [json.loads(message.data)["symbol"] for _, message in prices] == ["A", "B"]
    assert {topic for topic, _ in prices} == {"projects/p/topics/f-prices"}
    assert (topic, kept.data) == ("projects/p/topics/f-dead-letter", b"bytes")
