"""Time as a dependency that is passed in, so that no test waits for a real second."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the program knows of time."""

    def now_ms(self) -> int:
        """The wall clock in integer milliseconds since the Unix epoch, UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for that many seconds; nothing happens for zero or less."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


class ManualClock:
    """A clock that moves only when it is told to, or when somebody sleeps on it.

    >>> clock = ManualClock(1_000)
    >>> clock.sleep(2.5)
    >>> clock.now_ms(), clock.monotonic()
    (3500, 2.5)
    """

    def __init__(self, now_ms: int = 0) -> None:
        self._start_ms = now_ms
        self._elapsed = 0.0

    def now_ms(self) -> int:
        return self._start_ms + round(self._elapsed * 1000)

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self._elapsed += max(seconds, 0.0)
