"""How every messenger must behave: topics that keep messages until each pipeline has taken them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from fsictl.records.message import Message, Received

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Commit:
    """What one step of a pipeline did, to be made durable as a whole or not at all.

    ``taken`` are the messages consumed, in the order in which ``pull`` gave them (all of them up to the last
    one count as done); ``outgoing`` the messages to publish, as (topic, message); ``rows`` the table rows to
    write; ``state`` the pipeline's state after the step (``None`` leaves it as it was); ``counters`` its
    running totals.
    """

    taken: Sequence[Received] = ()
    outgoing: Sequence[tuple[str, Message]] = ()
    rows: Mapping[str, pa.Table] = field(default_factory=dict)
    state: bytes | None = None
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where a pipeline stood after its last commit; nothing at its first start."""

    state: bytes | None
    counters: Mapping[str, int]


class Channel(Protocol):
    """One pipeline's way in and out.

    *Order*: messages of one topic come in the order in which they were published (Pub/Sub: about so, not surely).
    *Delivery*: a message is given again after a restart unless a commit covered it. *Exclusive*: one process holds a
    pipeline's channel; opening it twice raises ``BusyError``. Disk and permission problems raise ``StorageError``,
    outside services ``ServiceError``, or ``PreconditionError`` when they refuse for good.
    """

    def recover(self) -> Recovered:
        """State and counters of the last commit."""
        ...

    def pull(self, limit: int, timeout: float) -> list[Received]:
        """Up to ``limit`` messages not given before by this channel; waits at most ``timeout`` seconds for one."""
        ...

    def commit(self, step: Commit) -> None:
        """Make a step durable. Either all of it holds afterwards or, if it raises, nothing of it does.

        (Pub/Sub: if it raises, some of ``outgoing`` and ``rows`` may be there. They come again with the messages,
        which are not taken, and change nothing then.)
        """
        ...

    def close(self) -> None:
        """Give the pipeline back; what was pulled and not committed will be given again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class PipelineProgress:
    """How far a pipeline is: its counters, when it last committed (ms), and messages waiting per input topic."""

    name: str
    counters: Mapping[str, int]
    committed_ms: int | None
    backlog: Mapping[str, int]


class Messenger(Protocol):
    """Topics by name. A topic exists as soon as it is named."""

    def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        """Append messages, as (topic, message), in order; durable when it returns, all or none of them.

        (Pub/Sub: all or none of each thousand.)
        """
        ...

    def channel(self, pipeline: str, inputs: Sequence[str], output: str) -> Channel:
        """The channel of ``pipeline``, which reads the topics ``inputs`` and publishes to topic ``output``.

        Such a channel takes ``Commit.outgoing`` for ``output`` and for ``dead-letter``, and no rows.
        """
        ...

    def read(self, topic: str, after: str | None = None, limit: int = 1000) -> list[Received]:
        """Messages of a topic after the one with that id (from the oldest kept one without), for people and tools."""
        ...

    def end(self, topic: str) -> int:
        """How many messages were ever published to the topic (Pub/Sub: how many are held for people)."""
        ...

    def progress(self, pipeline: str) -> PipelineProgress | None:
        """How far that pipeline is; ``None`` when it never ran."""
        ...

    def drop(self, dead_letters: Sequence[str]) -> int:
        """Remove the dead letters of these ids for good; returns how many of them were there."""
        ...

    def newest_with(self, topic: str, attribute: str, value: str) -> Message | None:
        """The newest kept message of the topic with that attribute (Pub/Sub cannot tell: ``PreconditionError``)."""
        ...

    def waiting(self, topic: str) -> int:
        """The most messages of the topic that wait for a pipeline which runs now (Pub/Sub: 0, it has room for all)."""
        ...

    def sizes(self) -> dict[str, int]:
        """Bytes that everything takes on this machine, by name."""
        ...


def count_taken(pipeline: str, given: Iterable[Received], taken: Sequence[Received]) -> int:
    """How many of the messages ``given`` to a pipeline a commit is done with: all up to the last one ``taken``.

    Raises ``ValueError`` when that one was not given, or is committed already.
    """
    if not taken:
        return 0
    last = (taken[-1].topic, taken[-1].id)
    for count, message in enumerate(given, 1):
        if (message.topic, message.id) == last:
            return count
    error = f"the message {last} was not given to {pipeline}, or is committed already"
    raise ValueError(error)
