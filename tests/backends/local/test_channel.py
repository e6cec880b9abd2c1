"""Inputs that fail while others give."""

from __future__ import annotations

import pytest

from fsictl.backends.local import log
from fsictl.backends.local.messenger import LocalMessenger
from fsictl.clock import ManualClock
from fsictl.errors import BusyError
from fsictl.ports.messenger import Commit
from fsictl.records.message import Message


def test_when_one_input_fails_nothing_of_the_others_is_lost(tmp_path, monkeypatch):
    messenger = LocalMessenger(tmp_path, ManualClock(1))
    messenger.publish([(topic, Message(b"%d" % n, {})) for topic in ("prices", "metrics") for n in range(3)])
    original, asked = log.messages_after, []

    def fails_the_second_time(file, topic, offset, limit):
        asked.append(topic)
        if len(asked) == 2:
            message = "busy"
            raise BusyError(message, hint="again")
        return original(file, topic, offset, limit)

    with messenger.channel("sink", ["prices", "metrics"], "out") as channel:
        with monkeypatch.context() as patch:
            patch.setattr(log, "messages_after", fails_the_second_time)
            with pytest.raises(BusyError):
                channel.pull(6, 0)
        assert set(asked) == {"prices", "metrics"}
        pulled = channel.pull(6, 0)
        assert sorted((item.topic, item.id) for item in pulled) == [
            (topic, str(n)) for topic in ("metrics", "prices") for n in (1, 2, 3)
        ]
        channel.commit(Commit(taken=pulled))
    progress = messenger.progress("sink")
    assert progress is not None
    assert dict(progress.backlog) == {"prices": 0, "metrics": 0}
