"""A channel in memory with the guarantees of the port, which tests can break off at any commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from fsictl.ports.messenger import Commit, Recovered
from fsictl.records.message import Message, Received


class CrashError(Exception):
    """The process died before the commit was durable."""


class MemoryChannel:
    """Gives the messages of one topic in order, and keeps what is committed."""

    def __init__(self, messages: Sequence[tuple[str, Message]], *, crash_at: Sequence[int] = ()) -> None:
        self.log = [
            Received(topic, str(number), message, 0) for number, (topic, message) in enumerate(messages, start=1)
        ]
        self.committed = 0
        self.outgoing: list[tuple[str, Message]] = []
        self.rows: list[Mapping[str, object]] = []
        self.state: bytes | None = None
        self.counters: Mapping[str, int] = {}
        self.commits = 0
        self._given = 0
        self._crash_at = set(crash_at)

    def recover(self) -> Recovered:
        self._given = self.committed
        return Recovered(self.state, self.counters)

    def pull(self, limit: int, timeout: float) -> list[Received]:
        found = self.log[self._given : self._given + limit]
        self._given += len(found)
        return found

    def commit(self, step: Commit) -> None:
        self.commits += 1
        if self.commits in self._crash_at:
            raise CrashError
        self.committed += len(step.taken)
        self.outgoing += step.outgoing
        self.rows.append(step.rows)
        self.state = step.state if step.state is not None else self.state
        self.counters = step.counters

    def close(self) -> None:
        self._given = self.committed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
