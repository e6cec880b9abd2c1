"""How long after a second closes its rows are there: read from the topics themselves, nothing is measured apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fsictl.records.json_ticks import integer_of
from fsictl.records.message import Received

LIVE_WITHIN_MS = 60_000
"""What is published later than that after its second closed is not live: old prices, or a backlog worked off."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the closing of a second to its rows, of so many messages: half of them, and 99 in 100."""

    messages: int
    p50: int
    p99: int


def latency_of(received: Sequence[Received], allowed_lateness_ms: int) -> Latency | None:
    """The latency of live messages of rows; ``None`` when there are none.

    A second closes ``allowed_lateness`` after its end. The attribute ``timestamp`` of a message is that of its
    oldest row, the last millisecond of its second: the row that has waited longest.

    >>> from fsictl.records.message import Message
    >>> late = [Received("metrics", "1", Message(b"", {"timestamp": "1999"}), 4000 + wait) for wait in (10, 20, 30)]
    >>> latency_of(late, 2000)
    Latency(messages=3, p50=20, p99=30)
    """
    waits = []
    for item in received:
        timestamp = integer_of(item.message.attributes.get("timestamp"))
        if timestamp is not None:
            wait = item.published_ms - (timestamp + 1 + allowed_lateness_ms)
            if 0 <= wait <= LIVE_WITHIN_MS:
                waits.append(wait)
    if not waits:
        return None
    waits.sort()
    return Latency(len(waits), waits[len(waits) // 2], waits[min(len(waits) - 1, len(waits) * 99 // 100)])
