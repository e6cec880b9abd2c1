"""Which share of windows the model flags, beside the share it was calibrated for."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

ACHIEVED_COLUMNS = ("model_version", "reconstruction_error", "unreliable", "alert")
"""The columns of ``reconerr`` that it needs, beside symbol and timestamp."""


class Achieved:
    """Counts scored verdicts of the last ``seconds`` of event time, for each version."""

    def __init__(self, seconds: int = 3600) -> None:
        self._length_ms = seconds * 1000
        self._parts: deque[tuple[int, str, int, int, int]] = deque()

    def add(self, rows: pa.Table) -> None:
        """Take rows of ``reconerr`` that are new."""
        import pyarrow as pa
        import pyarrow.compute as pc

        scored = rows.select(["timestamp", *ACHIEVED_COLUMNS]).filter(pc.is_valid(rows["reconstruction_error"]))
        if not scored.num_rows:
            return
        minute = pc.divide(scored["timestamp"], pa.scalar(60_000, pa.int64()))
        flags = {name: pc.cast(pc.fill_null(scored[name], False), pa.int64()) for name in ("unreliable", "alert")}
        table = pa.table({"minute": minute, "version": scored["model_version"], **flags})
        counted = table.group_by(["minute", "version"], use_threads=False).aggregate(
            [("unreliable", "count"), ("unreliable", "sum"), ("alert", "sum")]
        )
        names = ("minute", "version", "unreliable_count", "unreliable_sum", "alert_sum")
        self._parts.extend(sorted(tuple(row[name] for name in names) for row in counted.to_pylist()))
        newest = max(part[0] for part in self._parts)
        self._parts = deque(part for part in self._parts if (newest - part[0]) * 60_000 < self._length_ms)

    def of(self, *versions: str | None) -> dict[str, Any] | None:
        """By these versions together: ``windows`` scored, and the shares of them.

        ``label_rate`` is the share called unreliable, ``alert_rate`` the share that alerts.
        """
        mine = [part for part in self._parts if part[1] in versions]
        windows = sum(part[2] for part in mine)
        if not windows:
            return None
        return {
            "windows": windows,
            "label_rate": sum(part[3] for part in mine) / windows,
            "alert_rate": sum(part[4] for part in mine) / windows,
        }
