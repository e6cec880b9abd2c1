"""Forgetting what is old: a small transaction now and then, by the process that writes the file anyway."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from functools import partial

from fsictl.backends.local import log
from fsictl.backends.local.database import Database
from fsictl.backends.local.layout import Layout
from fsictl.backends.local.log import Position
from fsictl.backends.local.policy import Policy
from fsictl.clock import Clock
from fsictl.errors import StorageError
from fsictl.records.schemas import UNREAD_TOPICS

LOOK_EVERY = 30.0
"""Seconds between two looks for something old."""

_MESSAGES_AT_ONCE = 100
_ROWS_AT_ONCE = 2_000

_SHARE, _LONGEST = 0.5, 0.05
"""The share of the time since the last step that one may take, and the most seconds: removing keeps up with writing."""

logger = logging.getLogger(__name__)

Task = Callable[[Database], bool]
"""Removes a little, inside the transaction that is open; whether there may be more."""


class Upkeep:
    """Keeps one file small: the messages of ``topic``, dead letters, and rows if it has ``tables``.

    A message goes when it is old enough and every pipeline that ever read the topic has committed it. A topic that
    nobody reads yet keeps everything; one of ``UNREAD_TOPICS`` goes by age alone.
    """

    def __init__(self, layout: Layout, policy: Policy, clock: Clock, *, topic: str | None, tables: bool) -> None:
        self._layout, self._policy, self._clock = layout, policy, clock
        self._topic, self._tables = topic, tables
        self._tasks: deque[Task] = deque()
        self._look_at = self._stepped = clock.monotonic()

    def step(self, file: Database) -> None:
        """Remove a little, if there is something old; call it between two commits."""
        now = self._clock.monotonic()
        end, self._stepped = now + min(_LONGEST, _SHARE * (now - self._stepped)), now
        try:
            if not self._tasks:
                if now < self._look_at:
                    return
                self._look_at = now + LOOK_EVERY
                self._tasks.extend(self._find(file))
            while self._tasks:
                with file.transaction():
                    more = self._tasks[0](file)
                if not more:
                    self._tasks.popleft()
                if self._clock.monotonic() >= end:
                    break
        except StorageError as error:  # what is new matters more than what is old
            self._tasks.clear()
            logger.warning("old data could not be removed: %s", error)

    def _find(self, file: Database) -> list[Task]:
        policy, now_ms = self._policy, self._clock.now_ms()
        tasks: list[Task] = []
        if self._topic is not None and policy.topics_ms is not None:
            unread = self._topic in UNREAD_TOPICS
            taken = log.count_messages(file) if unread else taken_by_all(self._layout, self._topic)
            before = now_ms - policy.topics_ms
            if taken:
                tasks.append(partial(log.trim_messages, offset=taken, before=before, limit=_MESSAGES_AT_ONCE))
        if policy.dead_letters_ms is not None:
            before = now_ms - policy.dead_letters_ms
            tasks.append(partial(log.trim_dead_letters, before=before, limit=_ROWS_AT_ONCE))
        if self._tables and policy.tables_ms:
            tasks += self._find_rows(file, now_ms)
        return tasks

    def _find_rows(self, file: Database, now_ms: int) -> list[Task]:
        from fsictl.backends.local.tables import extents, trim_rows
        from fsictl.records.schemas import TABLES

        tasks: list[Task] = []
        for table, age in self._policy.tables_ms.items():
            found = extents(file, TABLES[table])
            before = min(now_ms, max((one.last for one in found), default=now_ms)) - age
            tasks += [
                partial(trim_rows, schema=TABLES[table], symbol=one.symbol, before=before, limit=_ROWS_AT_ONCE)
                for one in found
                if one.first < before
            ]
        return tasks


def taken_by_all(layout: Layout, topic: str) -> int:
    """The offset up to which every pipeline that reads the topic has committed it; 0 when nobody reads it."""
    offsets: list[int] = []
    for path in layout.outputs().values():
        file = Database.for_reading(path)
        if file is None:
            continue
        with file, file.snapshot():
            for record in log.pipeline_records(file):
                offset = log.positions(file, record.name).get(topic, Position()).offset
                offsets += [offset] if topic in record.inputs else []
    return min(offsets, default=0)
