"""Alerts on the page: the episodes of ``fsictl.alerts``, kept up to date while verdicts arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsictl.alerts.episodes import COLUMNS, Alert, episodes_of

if TYPE_CHECKING:
    import pyarrow as pa

ALERT_COLUMNS = tuple(name for name in COLUMNS if name not in {"symbol", "timestamp"})
"""The columns of ``reconerr`` that the log needs, beside symbol and timestamp."""


class AlertLog:
    """The latest alerts, made from at most ``most`` alerting rows."""

    def __init__(self, *, most: int = 5_000) -> None:
        self._most = most
        self._flagged: pa.Table | None = None
        self._alerts: dict[str, Alert] = {}

    def add(self, rows: pa.Table) -> list[Alert]:
        """Take rows of ``reconerr``, in order of time for each symbol; returns the alerts that are new or grew."""
        import pyarrow as pa
        import pyarrow.compute as pc

        flagged = rows.select(COLUMNS).filter(pc.fill_null(rows["alert"], False)).sort_by("timestamp")
        if not flagged.num_rows:
            return []
        known = flagged if self._flagged is None else pa.concat_tables([self._flagged, flagged])
        self._flagged = known.slice(max(0, known.num_rows - self._most)).combine_chunks()
        before, self._alerts = self._alerts, {alert.id: alert for alert in episodes_of(self._flagged)}
        return [alert for alert in self._alerts.values() if before.get(alert.id) != alert]

    def recent(self, limit: int) -> list[Alert]:
        """Up to ``limit`` alerts, newest first."""
        return sorted(self._alerts.values(), key=lambda alert: alert.start, reverse=True)[:limit]

    def find(self, name: str) -> Alert | None:
        """The alert of that id."""
        return self._alerts.get(name)

    def since(self, second: int) -> int:
        """How many alerts had a row at or after that second."""
        return sum(seconds_of(alert.end) >= second for alert in self._alerts.values())


def as_json(alert: Alert) -> dict[str, Any]:
    """An alert as the page gets it; times are ends of bars in seconds."""
    return {
        "id": alert.id,
        "symbol": alert.symbol,
        "since": seconds_of(alert.start),
        "until": seconds_of(alert.end),
        "side": alert.side,
        "rsi": alert.rsi,
        "error": alert.largest_error,
        "threshold": alert.threshold,
        "feature": alert.main_feature,
        "model_version": alert.model_version,
    }


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
