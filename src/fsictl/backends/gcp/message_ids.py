"""The attribute by which a message that was published twice is known: made from what the message says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from fsictl.backends.gcp.names import ID_ATTRIBUTE
from fsictl.records.message import Message


def message_id(message: Message) -> str:
    """The same text for the same data and attributes, so that a message which is made again is known.

    >>> one, other = Message(b"rows", {"symbol": "A"}), Message(b"rows", {"symbol": "B"})
    >>> message_id(one) == message_id(Message(b"rows", {"symbol": "A"})) != message_id(other)
    True
    """
    digest = hashlib.blake2b(message.data, digest_size=16)
    for name, value in sorted(message.attributes.items()):
        if name != ID_ATTRIBUTE:
            digest.update(f"\0{name}\0{value}".encode())
    return digest.hexdigest()


def published_attributes(message: Message) -> dict[str, str]:
    """The attributes of a message as it is published: its own, and what it is known by."""
    return {**message.attributes, ID_ATTRIBUTE: message_id(message)}


def own_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a message as it was before it was published.

    >>> own_attributes({"symbol": "A", "message-id": "8f"})
    {'symbol': 'A'}
    """
    return {name: value for name, value in attributes.items() if name != ID_ATTRIBUTE}
