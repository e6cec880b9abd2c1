"""When a tick is due: in real time, faster, at its own wall-clock time, or at once."""

from __future__ import annotations

import math
from typing import Protocol

from fsictl.clock import Clock


class Pace(Protocol):
    """Tells how far event time has come."""

    def start(self, first_ms: int) -> None:
        """The first tick, which has event time ``first_ms``, is at hand."""
        ...

    def come(self) -> float:
        """Event time, ms, up to which ticks are due now."""
        ...

    def wait(self, event_ms: float) -> float:
        """Seconds until ticks of that event time are due; zero or less when they are."""
        ...


class AtOnce:
    """Every tick is due as soon as it is there."""

    def start(self, first_ms: int) -> None:
        del first_ms

    def come(self) -> float:
        return math.inf

    def wait(self, event_ms: float) -> float:
        del event_ms
        return 0.0


class Live:
    """A tick is due when the wall clock shows its event time; what is older is due at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def start(self, first_ms: int) -> None:
        del first_ms

    def come(self) -> float:
        return float(self._clock.now_ms())

    def wait(self, event_ms: float) -> float:
        return (event_ms - self._clock.now_ms()) / 1000.0


class Replay:
    """Event time runs ``speed`` times as fast as time does, from the first tick on.

    Every tick is due at a time reckoned from the first, so that delays don't add up.

    >>> from fsictl.clock import ManualClock
    >>> clock = ManualClock()
    >>> pace = Replay(clock, speed=60.0)
    >>> pace.start(1_000_000)
    >>> clock.sleep(1.0)
    >>> pace.come(), pace.wait(1_120_000)
    (1060000.0, 1.0)
    """

    def __init__(self, clock: Clock, speed: float = 1.0) -> None:
        self._clock = clock
        self._per_ms = speed * 1000.0
        self._first_ms = 0
        self._began = 0.0

    def start(self, first_ms: int) -> None:
        self._first_ms, self._began = first_ms, self._clock.monotonic()

    def come(self) -> float:
        return self._first_ms + (self._clock.monotonic() - self._began) * self._per_ms

    def wait(self, event_ms: float) -> float:
        return (event_ms - self.come()) / self._per_ms
