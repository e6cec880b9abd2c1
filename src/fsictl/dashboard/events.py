"""Telling every open page what is new: one look at the warehouse for all of them, as server-sent events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from fsictl.dashboard.pace import FREE, Pace
from fsictl.dashboard.watch import Watch
from fsictl.errors import FsictlError

log = logging.getLogger(__name__)

STATUS_EVERY = 2.0
ASLEEP_AFTER = 60.0
"""Seconds after the last question, with no page open, for which it goes on looking where that costs something."""

Lane = Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]
"""Runs a blocking call off the event loop, one at a time."""


class Feed:
    """Looks for news and tells all subscribers, who get columns of new rows and the feed's status."""

    def __init__(self, watch: Watch, lane: Lane, pace: Pace = FREE, *, most_subscribers: int = 64) -> None:
        self._watch = watch
        self._lane = lane
        self._pace = pace
        self._most = most_subscribers
        self._queues: set[asyncio.Queue[str | None]] = set()
        self._status = watch.status()
        self._stopped = False
        self._told = self._wanted = float("-inf")
        self._asleep = False
        self.failure: Exception | None = None

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
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_looking())
            group.create_task(self._keep_telling())

    async def _keep_looking(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            self._asleep = self._pace.sleeps and not self._queues and began - self._wanted > ASLEEP_AFTER
            if not self._asleep and await self._look():
                self._tell_status()
            await asyncio.sleep(max(self._pace.every - (loop.time() - began), self._pace.every / 5))

    async def _keep_telling(self) -> None:
        """A page that hears nothing for long believes the server dead, however seldom it looks."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(STATUS_EVERY / 4)
            if loop.time() - self._told >= STATUS_EVERY:
                self._tell_status()

    def _tell_status(self) -> None:
        self._told = asyncio.get_running_loop().time()
        self._tell(_event("status", self._status))

    async def wake(self) -> None:
        """Somebody asks: if nobody did for a while and looking had stopped, look now."""
        self._wanted = asyncio.get_running_loop().time()
        if self._asleep:
            self._asleep = False
            await self._look()

    async def _look(self) -> bool:
        try:
            news = await self._lane(self._watch.look)
            status = self._watch.status()
            self.failure = None
        except FsictlError as error:
            self.failure = error
            status = self._watch.status() | {"feed": "error", "problem": str(error), "hint": error.hint}
            news = None
        except Exception as error:  # a fault of ours must not end the feed for everybody
            self.failure = error
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
