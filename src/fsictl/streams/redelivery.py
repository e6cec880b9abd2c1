"""Dead letters back to the topic in which they were found, each once, whatever happens in between."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence

from fsictl.ports.messenger import Channel, Commit
from fsictl.records.message import CONTENT_TYPE, FOUND, Message, Received
from fsictl.records.schemas import TOPIC_SCHEMAS

REDELIVERY = "redelivery"
"""The name under which the intention is kept, beside the topic that gets the messages."""

AT_ONCE = 200

_KEPT = ("timestamp", "symbol", CONTENT_TYPE)


def topic_of(letter: Received) -> str | None:
    """The topic in which a dead letter was found; ``None`` when it was a file."""
    topic, slash, _ = letter.message.attributes.get("origin", "").partition("/")
    return topic if slash and topic in TOPIC_SCHEMAS else None


def redeliver(letters: Sequence[Received], topic: str, channel: Channel, drop: Callable[[Sequence[str]], int]) -> int:
    """Publish the original bytes of these dead letters to their topic and drop the letters; returns how many.

    ``channel`` publishes to that topic and reads nothing. What is to be done is committed first, then the letters are
    dropped, then messages and the end of the intention are committed together: a crash in between leaves something
    that the next call finishes, and nothing is published twice. A message that is refused again makes a new letter.
    """
    kept = channel.recover().state
    done = _finish(kept, topic, channel, drop) if kept else 0
    finished = set(json.loads(kept)["letters"]) if kept else set()
    left = [letter for letter in letters if letter.id not in finished]
    for start in range(0, len(left), AT_ONCE):
        intention = _intention(left[start : start + AT_ONCE])
        channel.commit(Commit(state=intention))
        done += _finish(intention, topic, channel, drop)
    return done


def _intention(letters: Sequence[Received]) -> bytes:
    messages = []
    for letter in letters:
        kept = letter.message.attributes
        attributes = {name: value for name, value in kept.items() if name in _KEPT and value}
        for name, found in FOUND.items():
            if kept.get(found):
                attributes[name] = kept[found]
            elif found in kept:  # it had none, and gets none now
                attributes.pop(name, None)
        messages.append([b64encode(letter.message.data).decode(), attributes])
    return json.dumps({"letters": [letter.id for letter in letters], "messages": messages}).encode()


def _finish(intention: bytes, topic: str, channel: Channel, drop: Callable[[Sequence[str]], int]) -> int:
    asked = json.loads(intention)
    if not asked["letters"]:
        return 0
    drop(asked["letters"])
    outgoing = [(topic, Message(b64decode(data), attributes)) for data, attributes in asked["messages"]]
    channel.commit(Commit(outgoing=outgoing, state=json.dumps({"letters": [], "messages": []}).encode()))
    return len(outgoing)
