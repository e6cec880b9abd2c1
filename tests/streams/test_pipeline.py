from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from tests.streams.channels import CrashError, MemoryChannel

from fsictl.clock import ManualClock
from fsictl.records.message import Message, Received
from fsictl.streams.pipeline import COMMIT_AFTER, Result, Stop, run_pipeline


class Adder:
    """Adds up the numbers in its messages and publishes the sum so far, at every ``urgent_every``-th one at once."""

    name = "adder"

    def __init__(self, urgent_every: int) -> None:
        self.total = 0
        self.seen = 0
        self._urgent_every = urgent_every

    def restore(self, state: bytes | None, counters: Mapping[str, int]) -> None:
        self.total = int(state or 0)
        self.seen = counters.get("seen", 0)

    def step(self, received: Sequence[Received]) -> Result:
        result = Result()
        for item in received:
            self.total += int(item.message.data)
            self.seen += 1
            result.outgoing.append(("sums", Message(str(self.total).encode(), {})))
            result.urgent |= self.seen % self._urgent_every == 0
        return result

    def snapshot(self) -> bytes | None:
        return str(self.total).encode()

    def counters(self) -> Mapping[str, int]:
        return {"seen": self.seen}


def _channel(numbers: Sequence[int], crash_at: Sequence[int] = ()) -> MemoryChannel:
    return MemoryChannel([("numbers", Message(str(number).encode(), {})) for number in numbers], crash_at=crash_at)


def _sums(channel: MemoryChannel) -> list[int]:
    return [int(message.data) for _, message in channel.outgoing]


@pytest.mark.parametrize("crash_at", [(), (1,), (2,), (1, 2, 3, 4), (5,)])
@pytest.mark.parametrize("urgent_every", [1, 3, 1000])
def test_a_crash_at_any_commit_neither_loses_nor_doubles(crash_at: tuple[int, ...], urgent_every: int) -> None:
    channel = _channel(range(1, 21), crash_at)
    for _ in range(len(crash_at) + 1):
        try:
            run_pipeline(Adder(urgent_every), channel, ManualClock(), poll=0.0, messages=4, stop=lambda: Stop.DRAIN)
        except CrashError:
            continue
    assert _sums(channel) == [n * (n + 1) // 2 for n in range(1, 21)]
    assert channel.counters == {"seen": 20}


def test_a_stop_now_commits_what_was_done_and_takes_nothing_more() -> None:
    channel = _channel(range(100))
    asked = iter([Stop.NO, Stop.NO, Stop.NOW])
    run_pipeline(Adder(1000), channel, ManualClock(), poll=0.0, messages=10, stop=lambda: next(asked))
    assert channel.committed == 20


def test_results_that_are_not_urgent_are_committed_after_a_while() -> None:
    clock = ManualClock()
    channel = _channel([1])
    asked = iter([Stop.NO] * 3 + [Stop.NOW])

    def stop() -> Stop:
        clock.sleep(COMMIT_AFTER / 2)
        if channel.commits == 0:
            assert clock.monotonic() <= 2 * COMMIT_AFTER
        return next(asked)

    run_pipeline(Adder(1000), channel, clock, poll=0.0, messages=10, stop=stop)
    assert channel.commits == 1
    assert channel.committed == 1


def test_nothing_is_committed_when_nothing_happens() -> None:
    channel = _channel([])
    asked = iter([Stop.NO] * 50 + [Stop.DRAIN])
    run_pipeline(Adder(1), channel, ManualClock(), poll=0.0, messages=10, stop=lambda: next(asked))
    assert channel.commits == 0
