"""Alerts as people count them: one per stretch of time, not one per second."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

ALERT_COLUMNS = ("alert", "reconstruction_error", "threshold", "rsi", "side", "model_version", "reason")
"""The columns of ``reconerr`` that make an episode, beside symbol and timestamp."""


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of alerts of one symbol; times are ends of bars in seconds, error and RSI those of its peak."""

    symbol: str
    since: int
    until: int
    rows: int
    error: float | None
    threshold: float | None
    rsi: float
    side: str
    model_version: str
    reason: str | None

    @property
    def key(self) -> tuple[str, int]:
        """What stays the same while the episode goes on."""
        return self.symbol, self.since

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


class AlertLog:
    """The latest episodes, oldest first. An alert within ``gap`` seconds of the last one goes on with it."""

    def __init__(self, *, gap: int = 60, most: int = 500) -> None:
        self._gap = gap
        self._most = most
        self._episodes: dict[tuple[str, int], Episode] = {}
        self._current: dict[str, Episode] = {}

    def add(self, rows: pa.Table) -> list[Episode]:
        """Take rows of ``reconerr``, in order of time for each symbol; returns the episodes that are new or grew."""
        import pyarrow.compute as pc

        alerts = rows.filter(pc.fill_null(rows["alert"], False)).sort_by("timestamp")
        changed: dict[tuple[str, int], Episode] = {}
        for row in alerts.to_pylist():
            episode = self._extend(row)
            changed[episode.key] = self._episodes[episode.key] = self._current[episode.symbol] = episode
        while len(self._episodes) > self._most:
            del self._episodes[next(iter(self._episodes))]
        return list(changed.values())

    def _extend(self, row: dict[str, Any]) -> Episode:
        second = seconds_of(row["timestamp"])
        error = row["reconstruction_error"]
        fresh = Episode(
            row["symbol"],
            second,
            second,
            1,
            error,
            row["threshold"],
            row["rsi"],
            row["side"],
            row["model_version"],
            row["reason"],
        )
        known = self._current.get(fresh.symbol)
        if known is None or second - known.until > self._gap:
            return fresh
        longer = replace(known, until=max(second, known.until), rows=known.rows + 1)
        if known.error is None or (error is not None and error > known.error):
            longer = replace(longer, error=error, threshold=fresh.threshold, rsi=fresh.rsi, side=fresh.side)
        return longer

    def recent(self, limit: int) -> list[Episode]:
        """Up to ``limit`` episodes, newest first."""
        return sorted(self._episodes.values(), key=lambda episode: episode.since, reverse=True)[:limit]

    def since(self, second: int) -> int:
        """How many episodes had an alert at or after that second."""
        return sum(episode.until >= second for episode in self._episodes.values())


def seconds_of(timestamp: int) -> int:
    """The end of a bar in seconds from a row's timestamp in ms, which is that end − 1 ms.

    >>> seconds_of(1_000_000_000_999)
    1000000001
    """
    return (timestamp + 1) // 1000


def timestamp_of(seconds: float) -> int:
    """The timestamp in ms of the row whose bar ends at that second.

    >>> timestamp_of(1_000_000_001)
    1000000000999
    """
    return round(seconds * 1000) - 1
