"""How often and how much the page reads: from a store on this machine, or from one that charges for every read."""

from __future__ import annotations

from dataclasses import dataclass

_WEEK = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Pace:
    """It looks for news ``every`` so many seconds, and whole tables are counted every ``extents_every`` (0: each time).

    ``at_once`` is how many seconds of a symbol's history one read may take: others wait for it. Where it ``sleeps``,
    it looks only while a page is open or somebody asks.
    """

    every: float = 0.5
    extents_every: float = 0.0
    at_once: int = 3600
    sleeps: bool = False


FREE = Pace()
"""For a store on this machine: asking it costs next to nothing, and short reads let others in between."""

METERED = Pace(every=10.0, extents_every=3600.0, at_once=_WEEK, sleeps=True)
"""For a store that charges for what a query scans and takes a second for each, such as BigQuery."""
