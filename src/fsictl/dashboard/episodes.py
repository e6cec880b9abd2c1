"""Alerts on the page: the episodes of ``fsictl.alerts``, kept up to date while verdicts arrive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fsictl.alerts.episodes import COLUMNS, Alert, continued, episodes_of

if TYPE_CHECKING:
    import pyarrow as pa

ALERT_COLUMNS = tuple(name for name in COLUMNS if name not in {"symbol", "timestamp"})
"""The columns of ``reconerr`` that the log needs, beside symbol and timestamp."""


class AlertLog:
    """The latest alerts, at most ``most`` of them; one grows while its rows arrive, however long it lasts."""

    def __init__(self, alerts: Iterable[Alert] = (), *, most: int = 1_000) -> None:
        self._most = most
        self._alerts: dict[str, Alert] = {}
        self._last: dict[tuple[str, str], str] = {}
        self._keep(alerts)

    def add(self, rows: pa.Table) -> list[Alert]:
        """Take rows of ``reconerr``, in order of time for each symbol; returns the alerts that are new or grew."""
        import pyarrow.compute as pc

        if not pc.any(rows["alert"]).as_py():  # most of the time
            return []
        changed = {}
        for alert in episodes_of(rows):
            before = self._alerts.get(self._last.get((alert.symbol, alert.model_version), ""))
            now = (before and continued(before, alert)) or alert
            self._keep([now])
            changed[now.id] = now
        return list(changed.values())

    def _keep(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self._alerts[alert.id] = alert
            self._last[alert.symbol, alert.model_version] = alert.id
        if len(self._alerts) > self._most:
            self._alerts = {alert.id: alert for alert in reversed(self.recent(self._most))}

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
