"""One pipeline's way in and out: input files are read only, everything it does is committed to its output file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fsictl.backends.local import log
from fsictl.backends.local.database import Database
from fsictl.backends.local.layout import Layout
from fsictl.backends.local.lock import Lock
from fsictl.backends.local.log import Position
from fsictl.backends.local.policy import KEEP_EVERYTHING, Policy
from fsictl.backends.local.upkeep import Upkeep
from fsictl.clock import Clock
from fsictl.errors import InputError
from fsictl.ports.messenger import Commit, Recovered, count_taken
from fsictl.records.message import Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC

if TYPE_CHECKING:
    import pyarrow as pa

RowWriter = Callable[[Database, Mapping[str, "pa.Table"]], None]
"""Writes a commit's rows, by table, inside the transaction that is open."""


class _Input:
    """A topic that is read; its file may come later."""

    def __init__(self, topic: str, path: Path, position: Position) -> None:
        self.topic = topic
        self._path = path
        self.position = position
        self._file: Database | None = None

    def read(self, limit: int) -> list[Received]:
        """Messages after the last one that was read."""
        if self._file is None:
            self._file = Database.for_reading(self._path)
            if self._file is None:
                return []
            self.position = log.locate(self._file, self.position)
        messages = log.messages_after(self._file, self.topic, self.position.offset, limit)
        if messages:
            self.position = position_of(messages[-1])
        return messages

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def position_of(message: Received) -> Position:
    """Where a reader stands after this message."""
    return Position(int(message.id), message.published_ms)


class LocalChannel:
    """A :class:`~fsictl.ports.messenger.Channel` on SQLite files; use it from one thread.

    ``publishes`` is the topic whose messages the output file keeps; ``write_rows`` is there instead when the
    output is tables.
    """

    def __init__(
        self,
        layout: Layout,
        pipeline: str,
        inputs: Sequence[str],
        output: Path,
        tables: str,
        *,
        clock: Clock,
        poll: float,
        publishes: str | None = None,
        write_rows: RowWriter | None = None,
        policy: Policy = KEEP_EVERYTHING,
    ) -> None:
        if DEAD_LETTER_TOPIC in {*inputs, publishes}:
            message = f"the pipeline {pipeline} cannot have {DEAD_LETTER_TOPIC} as its input or output"
            raise InputError(message, hint="Every pipeline may write dead letters; read them with the messenger.")
        self._pipeline = pipeline
        self._clock = clock
        self._poll = poll
        self._publishes = publishes
        self._write_rows = write_rows
        self._given: deque[Received] = deque()
        self._resources = ExitStack()
        self._upkeep = Upkeep(layout, policy, clock, topic=publishes, tables=write_rows is not None)
        with ExitStack() as opened:
            paths = {topic: layout.topic(topic) for topic in dict.fromkeys(inputs)}
            lock = Lock.acquire(layout.lock(pipeline), f"the pipeline {pipeline}", clock)
            opened.callback(lock.release)
            self._output = opened.enter_context(Database.for_writing(output, tables, policy.synchronous))
            with self._output.transaction():
                log.register(self._output, pipeline, inputs)
            known = log.positions(self._output, pipeline)
            self._inputs = deque(_Input(topic, path, known.get(topic, Position())) for topic, path in paths.items())
            for source in self._inputs:
                opened.callback(source.close)
            self._resources = opened.pop_all()

    def recover(self) -> Recovered:
        """State and counters of the last commit."""
        return log.recovered(self._output, self._pipeline)

    def pull(self, limit: int, timeout: float) -> list[Received]:
        """Up to ``limit`` messages not given before; inputs that have some get equal shares."""
        deadline = self._clock.monotonic() + timeout
        while True:
            messages = self._take(limit)
            left = deadline - self._clock.monotonic()
            if messages or left <= 0:
                self._given += messages
                return messages
            self._clock.sleep(min(self._poll, left))

    def _take(self, limit: int) -> list[Received]:
        self._inputs.rotate(-1)  # nobody is first every time, which matters when the limit is small
        before = [source.position for source in self._inputs]
        try:
            return self._take_in_rounds(limit)
        except BaseException:
            for source, position in zip(self._inputs, before, strict=True):
                source.position = position  # what other inputs gave must not count as given
            raise

    def _take_in_rounds(self, limit: int) -> list[Received]:
        messages: list[Received] = []
        waiting = list(self._inputs)
        while waiting and len(messages) < limit:
            share = max(1, (limit - len(messages)) // len(waiting))
            more = []
            for source in waiting:
                wanted = min(share, limit - len(messages))
                got = source.read(wanted) if wanted else []
                messages += got
                if len(got) == wanted:
                    more.append(source)
            waiting = more
        return messages

    def commit(self, step: Commit) -> None:
        """Make a step durable, in one transaction of the output file."""
        messages = [message for topic, message in step.outgoing if topic == self._publishes]
        dead = [message for topic, message in step.outgoing if topic == DEAD_LETTER_TOPIC]
        if len(messages) + len(dead) < len(step.outgoing) or (step.rows and self._write_rows is None):
            error = f"the channel of {self._pipeline} takes nothing for this output"
            raise ValueError(error)
        count = count_taken(self._pipeline, self._given, step.taken)
        taken = {message.topic: position_of(message) for message, _ in zip(self._given, range(count), strict=False)}
        now_ms = self._clock.now_ms()
        with self._output.transaction():
            log.append(self._output, messages, now_ms)
            log.append_dead_letters(self._output, dead, now_ms)
            if self._write_rows is not None:
                self._write_rows(self._output, step.rows)
            for topic, position in taken.items():
                log.save_position(self._output, self._pipeline, topic, position)
            log.save(self._output, self._pipeline, state=step.state, counters=step.counters, now_ms=now_ms)
        for _ in range(count):
            self._given.popleft()
        self._upkeep.step(self._output)

    def close(self) -> None:
        """Give the pipeline back; what was pulled and not committed will be given again."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
