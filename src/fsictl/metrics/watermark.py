"""How far event time has come on a topic, over all of its symbols."""

from __future__ import annotations


class Watermark:
    """The largest event time seen minus ``allowed_lateness_ms``; it never goes back.

    Its whole state is ``value`` in milliseconds: keep it, and give it back after a restart. It starts at 0, which
    closes no second.

    >>> watermark = Watermark(allowed_lateness_ms=2_000)
    >>> watermark.advance(10_500), watermark.advance(9_000)
    (8500, 8500)
    >>> watermark.advance_idle(now_ms=20_000)
    18000
    """

    def __init__(self, allowed_lateness_ms: int, value: int = 0) -> None:
        self._allowed_lateness_ms = allowed_lateness_ms
        self._value = value

    @property
    def value(self) -> int:
        """Every second that ends at or before this event time is closed."""
        return self._value

    def advance(self, newest_event_ms: int) -> int:
        """The watermark after ticks were seen, the newest of them at that event time."""
        self._value = max(self._value, newest_event_ms - self._allowed_lateness_ms)
        return self._value

    def advance_idle(self, now_ms: int) -> int:
        """The watermark while the whole topic is silent: it follows the wall clock.

        For live input only, and only once nothing has arrived for the idle timeout: how long that silence
        lasted is for the caller to measure on its monotonic clock.
        """
        return self.advance(now_ms)
