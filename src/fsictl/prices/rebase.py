"""Old prices as if they came now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from fsictl.prices.replay import Chunk


def rebase(chunks: Iterable[Chunk], start_ms: int) -> Iterator[Chunk]:
    """The same chunks with all event times moved by one amount, so that the first tick has ``start_ms``.

    >>> from fsictl.records.ticks import Ticks
    >>> moved = rebase([(Ticks.of(["A"] * 3, [50, 40, 60], [1.0, 2.0, 3.0]), [])], 1_000)
    >>> [ticks.timestamp.tolist() for ticks, _ in moved]
    [[1000, 990, 1010]]
    """
    shift: int | None = None
    for ticks, rejects in chunks:
        if shift is None and len(ticks):
            shift = start_ms - int(ticks.timestamp[0])
        yield replace(ticks, timestamp=ticks.timestamp + (shift or 0)), rejects
