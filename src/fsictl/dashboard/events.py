"""Telling every open page what is new: one look at the warehouse for all of them, as server-sent events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fsictl.clock import Clock
from fsictl.dashboard import queries
from fsictl.dashboard.achieved import ACHIEVED_COLUMNS, Achieved
from fsictl.dashboard.episodes import ALERT_COLUMNS, AlertLog, as_json, seconds_of
from fsictl.dashboard.tail import Tail
from fsictl.dashboard.work import Work
from fsictl.errors import FsictlError
from fsictl.model.aliases import CHAMPION, BySymbol, named
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS, RECONERR

log = logging.getLogger(__name__)

ALERTS_LOOK_BACK = 3600
QUIET_AFTER = 10.0
BEHIND_AFTER = 15.0
REPLAY_AFTER = 3600.0
STATUS_EVERY = 2.0
WORK_EVERY = 2.0

Lane = Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]
"""Runs a blocking call off the event loop, one at a time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Above and below which RSI a symbol is overbought or oversold, and after how many seconds it is stale."""

    overbought: float = 70.0
    oversold: float = 30.0
    stale_after: int = 20


class Watch:
    """What one look after the other finds in the warehouse; blocking, and for one thread at a time."""

    def __init__(self, warehouse: Warehouse, messenger: Messenger, artifacts: Artifacts, clock: Clock) -> None:
        self._warehouse = warehouse
        self._artifacts = artifacts
        self._clock = clock
        self._metrics = Tail(warehouse, METRICS.name, list(queries.METRICS_NAMES))
        self._work = Work(messenger, clock)
        self._worked: dict[str, Any] = {}
        self._worked_at = float("-inf")
        verdict_columns = dict.fromkeys([*queries.VERDICT_NAMES, *ALERT_COLUMNS, *ACHIEVED_COLUMNS])
        self._verdicts = Tail(warehouse, RECONERR.name, list(verdict_columns))
        self._begun = False
        self._newest: int | None = None
        self._arrived: float | None = None
        self._lag: float | None = None
        self.alerts = AlertLog()
        self.achieved = Achieved()
        self.champions: BySymbol[str] = BySymbol()

    @property
    def champion(self) -> str | None:
        """The version that scores symbols without one of their own."""
        return self.champions.shared

    def look(self) -> dict[str, Any]:
        """What is new: ``metrics`` and ``verdicts`` as columns, ``alerts``, and ``reload`` when it was too much."""
        self.champions = named(self._artifacts, CHAMPION)
        if self._clock.monotonic() - self._worked_at >= WORK_EVERY:
            self._worked_at = self._clock.monotonic()
            self._worked = self._work.look()
        verdicts = self._verdicts.poll()  # before the metrics, so that no page gets a verdict long before its row
        metrics = self._metrics.poll()
        newest = self._metrics.newest
        self._newest = None if newest is None else seconds_of(newest)
        if self._newest is not None and not (self._begun and verdicts.complete):
            self._begun = True
            self.alerts, self.achieved = AlertLog(), Achieved()
            since = self._newest - ALERTS_LOOK_BACK
            wanted = tuple(dict.fromkeys((*ALERT_COLUMNS, *ACHIEVED_COLUMNS)))
            judged = queries.recent_verdicts(self._warehouse, self._metrics.symbols, since, wanted)
        else:
            judged = verdicts.rows
        changed = self.alerts.add(judged)
        self.achieved.add(judged)
        if metrics.rows.num_rows and self._newest is not None:
            self._arrived = self._clock.monotonic()
            self._lag = self._clock.now_ms() / 1000 - self._newest
        shown = queries.one_verdict_each(verdicts.rows, self.champions)
        return {
            "metrics": queries.columns_of(metrics.rows, queries.METRICS_NAMES),
            "verdicts": queries.columns_of(shown, queries.VERDICT_NAMES),
            "alerts": [as_json(alert) for alert in changed],
            "reload": not (metrics.complete and verdicts.complete),
        }

    def status(self) -> dict[str, Any]:
        """How the feed is: its state, newest bar and lag (s), model version, alerts of the last hour of data.

        With the shares that the model flagged in that hour, and what :class:`Work` tells.
        """
        newest = self._newest
        return {
            "feed": self._state(),
            "newest": newest,
            "lag": None if self._lag is None else round(self._lag, 2),
            "model_version": self.champion,
            "alerts": 0 if newest is None else self.alerts.since(newest - ALERTS_LOOK_BACK),
            "achieved": self.achieved.of(self.champion),
            "time": self._clock.now_ms() / 1000,
            **self._worked,
        }

    def _state(self) -> str:
        if self._newest is None:
            return "waiting"
        age = self._clock.now_ms() / 1000 - self._newest
        arriving = self._arrived is not None and self._clock.monotonic() - self._arrived < QUIET_AFTER
        if abs(age) < BEHIND_AFTER:
            return "live"
        if not arriving:
            return "silent"
        return "behind" if 0 < age < REPLAY_AFTER else "replay"


class Feed:
    """Looks every ``every`` seconds and tells all subscribers, who get columns of new rows and the feed's status."""

    def __init__(self, watch: Watch, lane: Lane, *, every: float = 0.5, most_subscribers: int = 64) -> None:
        self._watch = watch
        self._lane = lane
        self._every = every
        self._most = most_subscribers
        self._queues: set[asyncio.Queue[str | None]] = set()
        self._status = watch.status()
        self._stopped = False

    @property
    def status(self) -> dict[str, Any]:
        """The feed's status at the last look."""
        return self._status

    @property
    def full(self) -> bool:
        """Whether there are as many subscribers as there may be."""
        return len(self._queues) >= self._most

    async def run(self) -> None:
        """Look and tell, until cancelled. A look that fails is told too, and tried again."""
        loop = asyncio.get_running_loop()
        told = float("-inf")
        while True:
            began = loop.time()
            changed = await self._look()
            if changed or loop.time() - told >= STATUS_EVERY:
                told = loop.time()
                self._tell(_event("status", self._status))
            await asyncio.sleep(max(self._every - (loop.time() - began), self._every / 5))

    async def _look(self) -> bool:
        try:
            news = await self._lane(self._watch.look)
            status = self._watch.status()
        except FsictlError as error:
            status = self._watch.status() | {"feed": "error", "problem": str(error), "hint": error.hint}
            news = None
        except Exception as error:  # a fault of ours must not end the feed for everybody
            log.error("the live feed failed: %s: %s", type(error).__name__, error)
            status = self._watch.status() | {"feed": "error", "problem": "The dashboard failed to read the tables."}
            news = None
        if news is not None and news.pop("reload"):
            self._tell(_event("reload", {}))
        elif news is not None and any(news[part]["time"] for part in ("metrics", "verdicts")):
            self._tell(_event("rows", news))
        changed: bool = status["feed"] != self._status["feed"] or status["newest"] != self._status["newest"]
        self._status = status
        return changed

    def _tell(self, event: str) -> None:
        for queue in self._queues:
            text = event
            if queue.full():  # a page that cannot follow starts afresh
                while not queue.empty():
                    queue.get_nowait()
                text = _event("reload", {})
            queue.put_nowait(text)

    async def subscribe(self) -> AsyncGenerator[str]:
        """The events from now on, as text for the wire, until the subscriber leaves or the feed is stopped."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=64)
        self._queues.add(queue)
        try:
            yield "retry: 1000\n\n" + _event("status", self._status)
            while not self._stopped and (event := await queue.get()) is not None:
                yield event
        finally:
            self._queues.discard(queue)

    def stop(self) -> None:
        """End every subscription now."""
        self._stopped = True
        for queue in self._queues:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)


def _event(kind: str, data: Any) -> str:
    r"""One event as it goes over the wire.

    >>> _event("status", {"feed": "live"})
    'event: status\ndata: {"feed":"live"}\n\n'
    """
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'), allow_nan=False)}\n\n"
