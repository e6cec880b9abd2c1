"""The watermark."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fsictl.metrics.watermark import Watermark


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10**13)), max_size=20), st.integers(0, 10_000))
def test_never_goes_back_and_continues_from_its_value(events: list[tuple[bool, int]], lateness: int) -> None:
    watermark, seen = Watermark(lateness), [0]
    for is_idle, time in events:
        watermark = Watermark(lateness, watermark.value)
        value = watermark.advance_idle(time) if is_idle else watermark.advance(time)
        assert value == watermark.value == max(seen[-1], time - lateness)
        seen.append(value)
