"""How the pipelines do: what waits for them, how many ticks a second they take, what they had to put aside."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from fsictl.clock import Clock
from fsictl.ports.messenger import Messenger
from fsictl.records.schemas import DEAD_LETTER_TOPIC

if TYPE_CHECKING:
    import pyarrow as pa

TICKS_COLUMN = "DATA_POINT_COUNT"
"""The column of ``metrics`` from which ticks are counted."""

PIPELINES = ("metrics", "infer", "sink")
MEASURED = 10.0
STANDS_STILL_AFTER = 15.0


class Work:
    """Looked at now and then; ticks a second are those of the last ten seconds.

    Without a messenger that knows its pipelines there is only what the rows tell: ticks a second, from their counts.
    """

    def __init__(self, messenger: Messenger | None, clock: Clock) -> None:
        self._messenger = messenger
        self._clock = clock
        self._ticks: deque[tuple[float, int]] = deque()
        self._counted: int | None = None

    def arrived(self, rows: pa.Table) -> None:
        """Count the ticks of new rows of ``metrics``."""
        import pyarrow.compute as pc

        if self._messenger is None and rows.num_rows:
            real = rows.filter(pc.invert(rows["GAP_FILLED"]))
            self._counted = (self._counted or 0) + (pc.sum(real[TICKS_COLUMN]).as_py() or 0)

    def look(self) -> dict[str, Any]:
        """``ticks_per_second`` (null at the first look), ``late``, ``dead_letters``, and every pipeline that ever ran.

        A pipeline has its ``name``, when it last ``committed`` (s), how many messages are ``waiting``, and whether it
        is ``stuck``: has not committed for a while although messages wait.
        """
        if self._messenger is None:
            rate = None if self._counted is None else self._rate(self._counted)
            return {"ticks_per_second": rate, "late": None, "dead_letters": None, "pipelines": []}
        pipelines, counters = [], {}
        for name in PIPELINES:
            progress = self._messenger.progress(name)
            if progress is None:
                continue
            counters[name] = progress.counters
            committed = None if progress.committed_ms is None else progress.committed_ms / 1000
            waiting = sum(progress.backlog.values())
            silent = committed is None or self._clock.now_ms() / 1000 - committed > STANDS_STILL_AFTER
            pipelines.append(
                {"name": name, "committed": committed, "waiting": waiting, "stuck": bool(waiting and silent)}
            )
        metrics = counters.get("metrics", {})
        return {
            "ticks_per_second": self._rate(metrics.get("ticks", 0)),
            "late": metrics.get("late", 0),
            "dead_letters": self._messenger.end(DEAD_LETTER_TOPIC),
            "pipelines": pipelines,
        }

    def _rate(self, ticks: int) -> float | None:
        now = self._clock.monotonic()
        if self._ticks and ticks < self._ticks[-1][1]:  # the workspace was emptied
            self._ticks.clear()
        self._ticks.append((now, ticks))
        while now - self._ticks[1 if len(self._ticks) > 1 else 0][0] >= MEASURED:
            self._ticks.popleft()
        began, before = self._ticks[0]
        return round((ticks - before) / (now - began), 1) if now > began else None
