"""From blocks of ticks to messages on the topic ``prices``, at the pace that was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fsictl.clock import Clock
from fsictl.errors import StorageUnavailableError
from fsictl.ports.messenger import Messenger
from fsictl.prices.pace import Pace
from fsictl.records.encoding import encode_ticks
from fsictl.records.message import Message, Reject
from fsictl.records.schemas import DEAD_LETTER_TOPIC, PRICES_TOPIC
from fsictl.records.ticks import IntArray, SequenceNumbers, Ticks

Block = tuple[Ticks, Sequence[Reject]]
"""Ticks in order of delivery, and what could not be used among them."""

SOURCE, POSITION = "source", "position"
"""Attributes of a message from a named source: its name, and how many of its ticks are published with this message."""

_LONGEST_SLEEP = 0.2
"""Seconds after which a waiting publisher looks whether it should stop."""

_SHORTEST_SLEEP = 0.001

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
"""Seconds before something that was refused is sent again."""

_MESSAGES_AT_ONCE = 100
"""Most messages handed over in one call; should_stop and progress have their turn in between."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a publisher has sent so far.

    ``out_of_order`` counts ticks with an earlier event time than one sent before them, of whatever symbol;
    ``event_ms`` is the newest event time sent, ``None`` before the first tick.
    """

    ticks: int = 0
    messages: int = 0
    rejects: int = 0
    out_of_order: int = 0
    event_ms: int | None = None


def publish(
    source: Iterable[Ticks | Block],
    messenger: Messenger,
    *,
    clock: Clock,
    pace: Pace,
    batch: int = 1000,
    linger: float = 0.01,
    duration: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Published], None] = lambda so_far: None,
    wait_for_room: Callable[[], None] = lambda: None,
    on_refusal: Callable[[StorageUnavailableError], None] = lambda error: None,
    name: str | None = None,
    done: int = 0,
) -> Published:
    """Publish ``source`` until it ends, ``should_stop`` says so, or ``duration`` seconds of event time are over.

    Ticks are numbered, cut into messages of at most ``batch``, and sent when ``pace`` says that they are due;
    one that is due waits up to ``linger`` seconds for company. A tick with an earlier event time than its
    forerunner is due with it: disorder is passed on as it is. Rejects go to the dead-letter topic together with
    the first ticks of their block. ``duration`` counts from the first tick. ``wait_for_room`` is called before
    everything that is sent and may block; ``on_progress`` after it.

    When the messenger refuses for now, after it has taken something before, ``on_refusal`` is called and the same is
    sent again a little later, until it is taken or ``should_stop`` says so.

    With a ``name`` every message says in its attributes how far in the source of that name it is. ``done`` ticks of the
    source, which an earlier run has published, are passed over.

    Raises what ``messenger.publish`` and ``source`` raise.
    """
    publisher = _Publisher(
        messenger=messenger,
        clock=clock,
        pace=pace,
        batch=batch,
        linger=linger,
        should_stop=should_stop,
        on_progress=on_progress,
        wait_for_room=wait_for_room,
        on_refusal=on_refusal,
        name=name,
        position=done,
    )
    numbers = SequenceNumbers()
    newest: int | None = None
    end = math.inf
    paced = False
    for item in source:
        ticks, rejects = item if isinstance(item, tuple) else (item, ())
        if should_stop():
            break
        if not len(ticks):
            publisher.send(ticks, rejects)
            continue
        if newest is None:
            newest = int(ticks.timestamp[0])
            end = math.inf if duration is None else newest + duration * 1000.0
        # The newest event time up to a tick is what counts for pace and end: disorder never holds a tick up.
        due = np.maximum.accumulate(np.maximum(ticks.timestamp, newest))
        newest = int(due[-1])
        before_end = slice(0, int(np.searchsorted(due, end)))
        numbered, due = numbers.number(ticks.take(before_end)), due[before_end]
        passed = min(done, len(numbered))
        if passed:
            done -= passed
            publisher.pass_over(int(due[passed - 1]))
            numbered, due = numbered.take(slice(passed, None)), due[passed:]
        if len(due) and not paced:
            pace.start(int(due[0]))
            paced = True
        finished = publisher.send_when_due(numbered, due, rejects)
        if not finished or newest >= end:
            break
    return publisher.sent


@dataclass(slots=True, kw_only=True)
class _Publisher:
    """Sends ticks when they are due, and counts what was sent."""

    messenger: Messenger
    clock: Clock
    pace: Pace
    batch: int
    linger: float
    should_stop: Callable[[], bool]
    on_progress: Callable[[Published], None]
    wait_for_room: Callable[[], None]
    on_refusal: Callable[[StorageUnavailableError], None]
    name: str | None
    position: int
    sent: Published = Published()

    def pass_over(self, event_ms: int) -> None:
        """Ticks up to that event time were published by an earlier run."""
        self.sent = replace(self.sent, event_ms=event_ms)

    def send_when_due(self, ticks: Ticks, due: IntArray, rejects: Sequence[Reject]) -> bool:
        """Send a block as its ticks become due; false when it was stopped before its end."""
        first = 0
        while first < len(ticks):
            if self.should_stop():
                return False
            cut = int(np.searchsorted(due, self.pace.come(), side="right"))
            if cut > first:
                cut = min(cut, first + self.batch * _MESSAGES_AT_ONCE)
                self.send(ticks.take(slice(first, cut)), rejects)
                first, rejects = cut, ()
            else:
                wait = self.pace.wait(float(due[first])) + self.linger
                self.clock.sleep(min(max(wait, _SHORTEST_SLEEP), _LONGEST_SLEEP))
        return True

    def send(self, ticks: Ticks, rejects: Sequence[Reject]) -> None:
        """Hand everything to the messenger at once, and count it."""
        cuts = range(0, len(ticks), self.batch)
        outgoing: list[tuple[str, Message]] = [
            (PRICES_TOPIC, self._message(ticks.take(slice(first, first + self.batch)))) for first in cuts
        ]
        now = self.clock.now_ms()
        outgoing += [(DEAD_LETTER_TOPIC, reject.to_message(timestamp_ms=now)) for reject in rejects]
        if not outgoing:
            return
        self.wait_for_room()
        self._hand_over(outgoing)
        self._count(ticks, len(cuts), len(rejects))
        self.on_progress(self.sent)

    def _message(self, ticks: Ticks) -> Message:
        message = encode_ticks(ticks)
        self.position += len(ticks)
        if self.name is None:
            return message
        return Message(message.data, {**message.attributes, SOURCE: self.name, POSITION: str(self.position)})

    def _hand_over(self, outgoing: Sequence[tuple[str, Message]]) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                self.messenger.publish(outgoing)
            except StorageUnavailableError as error:
                if not self.sent.messages or self.should_stop():
                    raise
                self.on_refusal(error)
                again = self.clock.monotonic() + pause
                while self.clock.monotonic() < again and not self.should_stop():
                    self.clock.sleep(_LONGEST_SLEEP)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                return

    def _count(self, ticks: Ticks, messages: int, rejects: int) -> None:
        sent = self.sent
        out_of_order, event_ms = sent.out_of_order, sent.event_ms
        if len(ticks):
            newest = np.maximum.accumulate(np.r_[ticks.timestamp[0] if event_ms is None else event_ms, ticks.timestamp])
            out_of_order += int(np.count_nonzero(ticks.timestamp < newest[:-1]))
            event_ms = int(newest[-1])
        self.sent = Published(
            sent.ticks + len(ticks), sent.messages + messages, sent.rejects + rejects, out_of_order, event_ms
        )
