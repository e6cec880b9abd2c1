"""What travels on a topic: bytes with string attributes, immutable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

CONTENT_TYPE = "content-type"
"""The attribute that names the encoding of the bytes and its version; a message without it is JSON."""


@dataclass(frozen=True, slots=True)
class Message:
    """Bytes with string attributes; ``timestamp`` (event time, ms, as text) and ``symbol`` are always there."""

    data: bytes
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came from a topic, with the identifier that the messenger gave it there.

    ``id`` is unique in its topic and stays the same when the message is delivered again. ``published_ms`` is
    the wall clock at which the messenger took it.
    """

    topic: str
    id: str
    message: Message
    published_ms: int

    @property
    def origin(self) -> str:
        """Where a reject from this message was found: its topic and identifier."""
        return f"{self.topic}/{self.id}"


FOUND = {"timestamp": "found_timestamp", "symbol": "found_symbol"}
"""Attributes of a message, and by which attributes its dead letter remembers them."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that could not be used, kept as it was: it goes to the topic ``dead-letter``.

    ``reason`` is a short stable word (``malformed``, ``bad-value``, ``bad-symbol``, ``bad-timestamp``,
    ``late``, ``future``), ``detail`` a sentence for people, ``data`` the original bytes, ``origin`` where they were
    found (a topic, or a file and line), ``content_type`` their encoding if they are a whole message with one, and
    ``found_with`` the attributes of that message, to give it again as it was.
    """

    reason: str
    detail: str
    data: bytes
    origin: str
    content_type: str | None = None
    found_with: Mapping[str, str] | None = None

    def to_message(self, *, timestamp_ms: int, symbol: str = "") -> Message:
        """The dead letter as a message: the original bytes, and everything else as attributes."""
        attributes = {
            "timestamp": str(timestamp_ms),
            "symbol": symbol,
            "reason": self.reason,
            "detail": self.detail,
            "origin": self.origin,
        }
        topic, slash, _ = self.origin.partition("/")
        if slash:
            attributes["topic"] = topic
        if self.content_type is not None:
            attributes[CONTENT_TYPE] = self.content_type
        if self.found_with is not None:
            attributes |= {given: self.found_with.get(name, "") for name, given in FOUND.items()}
        return Message(self.data, attributes)


def dead_letter_identity(message: Message) -> bytes | None:
    """The same for two dead letters that say the same of the same bytes from the same place; ``None`` if none says."""
    origin, reason = message.attributes.get("origin"), message.attributes.get("reason")
    if origin is None or reason is None:
        return None
    text = json.dumps([origin, reason, hashlib.sha256(message.data).hexdigest()])
    return hashlib.sha256(text.encode()).digest()[:16]
