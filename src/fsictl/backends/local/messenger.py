"""Topics in files of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from fsictl.backends.local import log
from fsictl.backends.local.channel import LocalChannel
from fsictl.backends.local.database import Database
from fsictl.backends.local.dead_letters import (
    count_dead_letters,
    read_dead_letters,
    remove_dead_letters,
)
from fsictl.backends.local.layout import Layout
from fsictl.backends.local.lock import holder
from fsictl.backends.local.log import PipelineRecord, Position
from fsictl.backends.local.policy import KEEP_EVERYTHING, Policy
from fsictl.backends.local.upkeep import Upkeep
from fsictl.clock import Clock
from fsictl.errors import InputError
from fsictl.ports.messenger import PipelineProgress
from fsictl.records.message import Message, Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC

DEFAULT_POLL = 0.02


class LocalMessenger:
    """A :class:`~fsictl.ports.messenger.Messenger` on SQLite: one topic is one file of the workspace ``root``.

    Several processes may publish and read at once. The topic ``dead-letter`` is the union of the dead letters
    in all files, each of which is written by one pipeline or by publishers; what two pipelines say of the same
    message is one dead letter. ``poll`` is the wait between two looks for new messages, in seconds.
    """

    def __init__(
        self, root: Path, clock: Clock, *, poll: float = DEFAULT_POLL, policy: Policy = KEEP_EVERYTHING
    ) -> None:
        self._layout = Layout(root)
        self._clock = clock
        self._poll = poll
        self._policy = policy
        self._upkeep: dict[str, Upkeep] = {}
        self._outputs: dict[Path, Database] = {}
        self._publishing = threading.Lock()

    def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Append messages; of several topics, all or none unless the machine fails between their commits.

        Dead letters go to the file of the first other topic, or to one of their own.
        """
        by_topic: dict[str, list[Message]] = {}
        for topic, message in messages:
            by_topic.setdefault(topic, []).append(message)
        dead = by_topic.pop(DEAD_LETTER_TOPIC, [])
        host = next(iter(by_topic), DEAD_LETTER_TOPIC)
        if dead:
            by_topic.setdefault(host, [])
        with self._publishing, ExitStack() as transactions:
            now_ms = self._clock.now_ms()
            for topic in sorted(by_topic):  # one order for all publishers, so that no two wait for each other
                output = self._output(self._layout.topic(topic))
                transactions.enter_context(output.transaction())
                log.append(output, by_topic[topic], now_ms)
                if topic == host:
                    log.append_dead_letters(output, dead, now_ms)
            transactions.close()
            for topic in by_topic:
                self._upkeep_of(topic).step(self._output(self._layout.topic(topic)))

    def _upkeep_of(self, topic: str) -> Upkeep:
        if topic not in self._upkeep:
            self._upkeep[topic] = Upkeep(self._layout, self._policy, self._clock, topic=topic, tables=False)
        return self._upkeep[topic]

    def _output(self, path: Path) -> Database:
        output = self._outputs.get(path)
        if output is None or output.is_replaced():
            if output is not None:
                output.close()
            output = self._outputs[path] = Database.for_writing(path, log.TABLES, self._policy.synchronous)
        return output

    def channel(self, pipeline: str, inputs: Sequence[str], output: str) -> LocalChannel:
        """The channel of ``pipeline``; its offsets, state and counters are kept in the file of ``output``."""
        return LocalChannel(
            self._layout,
            pipeline,
            inputs,
            self._layout.topic(output),
            log.TABLES,
            clock=self._clock,
            poll=self._poll,
            publishes=output,
            policy=self._policy,
        )

    def read(self, topic: str, after: str | None = None, limit: int = 1000) -> list[Received]:
        """Messages of a topic, for people and tools; dead letters by the time they were published."""
        if topic == DEAD_LETTER_TOPIC:
            return read_dead_letters(self._layout, after, limit)
        file = Database.for_reading(self._layout.topic(topic))
        if file is None:
            return []
        with file:
            return log.messages_after(file, topic, _offset(topic, after), limit)

    def end(self, topic: str) -> int:
        """How many messages were ever published to the topic."""
        if topic == DEAD_LETTER_TOPIC:
            return count_dead_letters(self._layout)
        file = Database.for_reading(self._layout.topic(topic))
        if file is None:
            return 0
        with file:
            return log.count_messages(file)

    def pipelines(self) -> list[str]:
        """The names of all pipelines that ever ran here, sorted."""
        return sorted({record.name for record, _ in self._records()})

    def progress(self, pipeline: str) -> PipelineProgress | None:
        """How far that pipeline is; ``None`` when it never ran."""
        found = [item for item in self._records() if item[0].name == pipeline]
        if not found:
            return None
        record, positions = max(found, key=lambda item: item[0].committed_ms or -1)
        backlog = {topic: max(0, self.end(topic) - positions.get(topic, Position()).offset) for topic in record.inputs}
        return PipelineProgress(pipeline, record.counters, record.committed_ms, backlog)

    def drop(self, dead_letters: Sequence[str]) -> int:
        """Remove the dead letters of these ids for good; returns how many of them were there."""
        return remove_dead_letters(self._layout, dead_letters)

    def newest_with(self, topic: str, attribute: str, value: str) -> Message | None:
        """The newest kept message of the topic with that attribute."""
        file = Database.for_reading(self._layout.topic(topic))
        if file is None:
            return None
        with file:
            return log.newest_with(file, attribute, value)

    def sizes(self) -> dict[str, int]:
        """Bytes that every file takes, with what is beside it: the topics by name, and the tables."""
        found = {}
        for name, path in self._layout.outputs().items():
            parts = [path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")]
            found[name] = sum(part.stat().st_size for part in parts if part.exists())
        return found

    def waiting(self, topic: str) -> int:
        """The most messages of the topic that wait for a pipeline which runs now."""
        end = self.end(topic)
        offsets = [
            positions.get(topic, Position()).offset
            for record, positions in self._records()
            if topic in record.inputs and holder(self._layout.lock(record.name)) is not None
        ]
        return end - min(offsets, default=end)

    def _records(self) -> Iterator[tuple[PipelineRecord, dict[str, Position]]]:
        for path in self._layout.outputs().values():
            file = Database.for_reading(path)
            if file is None:
                continue
            with file, file.snapshot():
                for record in log.pipeline_records(file):
                    yield record, log.positions(file, record.name)

    def close(self) -> None:
        """Close the files that were published to."""
        with self._publishing:
            for output in self._outputs.values():
                output.close()
            self._outputs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _offset(topic: str, after: str | None) -> int:
    if after is None:
        return 0
    if not after.isascii() or not after.isdigit():
        message = f"{after!r} is not the id of a message of {topic}"
        raise InputError(message, hint="Ids are whole numbers, as they are listed with the messages.")
    return int(after)
