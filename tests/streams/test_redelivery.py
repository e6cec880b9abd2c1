from __future__ import annotations

from pathlib import Path

import pytest

from fsictl.backends.local.messenger import LocalMessenger
from fsictl.clock import ManualClock
from fsictl.records.encoding import decode_ticks
from fsictl.records.message import CONTENT_TYPE, Message, Received, Reject
from fsictl.records.schemas import DEAD_LETTER_TOPIC, PRICES_TOPIC
from fsictl.streams.redelivery import redeliver, topic_of


class CrashError(Exception):
    pass


class Crashing:
    """Counts calls to the store and dies before or after the one of that number."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise CrashError


def _letter(text: str, content_type: str | None = None) -> tuple[str, Message]:
    reject = Reject("malformed", "why", text.encode(), f"prices/{text}", content_type)
    return DEAD_LETTER_TOPIC, reject.to_message(timestamp_ms=7)


def _redeliver(messenger: LocalMessenger, crash: Crashing) -> int:
    letters = messenger.read(DEAD_LETTER_TOPIC, None, 1000)
    with messenger.channel("redelivery-prices", [], PRICES_TOPIC) as channel:
        commit = channel.commit

        def commit_or_crash(step: object) -> None:
            crash()
            commit(step)  # type: ignore[arg-type]
            crash()

        channel.commit = commit_or_crash  # type: ignore[method-assign]

        def drop(ids: object) -> int:
            crash()
            dropped = messenger.drop(ids)  # type: ignore[arg-type]
            crash()
            return dropped

        return redeliver(letters, PRICES_TOPIC, channel, drop)


@pytest.mark.parametrize("given", [{}, {"timestamp": "2020-01-01T00:00:00Z", "symbol": "B"}], ids=str)
def test_a_message_is_given_again_with_the_attributes_that_it_had(tmp_path: Path, given: dict[str, str]) -> None:
    messenger = LocalMessenger(tmp_path, ManualClock(1_000))
    found = Message(b'{"symbol": "A", "value": 1.0}', given)
    (reject,) = decode_ticks([Received(PRICES_TOPIC, "5", found, 0)]).rejects
    letter = reject.to_message(timestamp_ms=7)
    assert (letter.attributes["topic"], letter.attributes["timestamp"]) == (PRICES_TOPIC, "7")
    messenger.publish([(DEAD_LETTER_TOPIC, letter)])
    assert _redeliver(messenger, Crashing(0)) == 1
    (again,) = messenger.read(PRICES_TOPIC)
    assert (again.message.data, dict(again.message.attributes)) == (found.data, given)


@pytest.mark.parametrize("at", range(1, 8))
def test_a_crash_at_any_call_neither_loses_nor_doubles_a_message(tmp_path: Path, at: int) -> None:
    messenger = LocalMessenger(tmp_path, ManualClock(1_000))
    messenger.publish([_letter("a"), _letter("b", "some/type"), _letter("c")])
    try:
        _redeliver(messenger, Crashing(at))
        crashed = False
    except CrashError:
        crashed = True
    assert crashed == (at < 7)  # two commits and a drop: six instants
    _redeliver(messenger, Crashing(-1))
    published = [item.message for item in messenger.read(PRICES_TOPIC)]
    assert [message.data for message in published] == [b"a", b"b", b"c"]
    assert [message.attributes.get(CONTENT_TYPE) for message in published] == [None, "some/type", None]
    assert messenger.end(DEAD_LETTER_TOPIC) == 0


def test_what_two_files_say_of_the_same_message_is_dropped_in_both(tmp_path: Path) -> None:
    messenger = LocalMessenger(tmp_path, ManualClock(1_000))
    messenger.publish([_letter("a"), _letter("b")])
    messenger.publish([(PRICES_TOPIC, Message(b"", {})), _letter("a")])
    assert messenger.end(DEAD_LETTER_TOPIC) == 2
    (first, _) = messenger.read(DEAD_LETTER_TOPIC)
    assert messenger.drop([first.id, "nowhere/1", "prices/99", "nonsense"]) == 1
    assert [letter.message.data for letter in messenger.read(DEAD_LETTER_TOPIC)] == [b"b"]


@pytest.mark.parametrize(
    ("origin", "topic"),
    [("prices/17[3]", "prices"), ("metrics/4", "metrics"), ("prices.csv:12", None), ("", None), ("jobs/1", None)],
)
def test_only_topics_are_where_something_can_go_back_to(origin: str, topic: str | None) -> None:
    letter = Received(DEAD_LETTER_TOPIC, "prices/1", Message(b"", {"origin": origin}), 0)
    assert topic_of(letter) == topic
