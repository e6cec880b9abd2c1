"""The thin loop that every local pipeline is: pull, compute, commit; and what a pipeline must offer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from fsictl.clock import Clock
from fsictl.ports.messenger import Channel, Commit
from fsictl.records.message import Message, Received, Reject

if TYPE_CHECKING:
    import pyarrow as pa


class Stop(StrEnum):
    """Whether a running pipeline should go on."""

    NO = "no"
    DRAIN = "drain"  # work off what is waiting, then end
    NOW = "now"  # finish the step, commit it, end


@dataclass(slots=True)
class Result:
    """What a pipeline made of some messages.

    ``urgent`` results are committed at once; others may wait for the next ones, since what is not committed is
    computed again after a crash.
    """

    outgoing: list[tuple[str, Message]] = field(default_factory=list)
    rows: dict[str, pa.Table] = field(default_factory=dict)
    urgent: bool = False


class Pipeline(Protocol):
    """One step of the stream. Its results are a function of its state and its messages alone."""

    name: str

    def restore(self, state: bytes | None, counters: Mapping[str, int]) -> None:
        """Continue where the last commit left off; ``None`` means from the start."""
        ...

    def step(self, received: Sequence[Received]) -> Result:
        """Work on messages (none, when the topics are quiet) and say what came of it."""
        ...

    def snapshot(self) -> bytes | None:
        """The state to commit with the results so far."""
        ...

    def counters(self) -> Mapping[str, int]:
        """Running totals for people: what came in, what went out."""
        ...


COMMIT_AFTER = 1.0
"""Seconds after which results that are not urgent are committed all the same."""


def run_pipeline(
    pipeline: Pipeline,
    channel: Channel,
    clock: Clock,
    *,
    poll: float,
    messages: int,
    stop: Callable[[], Stop],
    on_ready: Callable[[], None] | None = None,
) -> Mapping[str, int]:
    """Run until ``stop`` says so; returns the final counters. ``on_ready`` is called when the state is taken up.

    Between two commits at most :data:`COMMIT_AFTER` seconds or ``messages`` messages pass. An exception leaves
    everything since the last commit undone, to be computed again by the next run.
    """
    recovered = channel.recover()
    pipeline.restore(recovered.state, recovered.counters)
    if on_ready is not None:
        on_ready()
    taken: list[Received] = []
    pending = Result()
    last_commit = clock.monotonic()
    while True:
        asked = stop()
        received = channel.pull(messages, poll) if asked is not Stop.NOW else []
        result = pipeline.step(received)
        taken += received
        pending.outgoing += result.outgoing
        pending.urgent |= result.urgent
        _join_rows(pending.rows, result.rows)
        ending = asked is Stop.NOW or (asked is Stop.DRAIN and not received)
        due = len(taken) >= messages or clock.monotonic() - last_commit >= COMMIT_AFTER
        if pending.urgent or ending or (due and taken):
            if taken or pending.outgoing or pending.rows:
                channel.commit(
                    Commit(taken, pending.outgoing, pending.rows, pipeline.snapshot(), dict(pipeline.counters()))
                )
            taken, pending, last_commit = [], Result(), clock.monotonic()
        if ending:
            return pipeline.counters()


def _join_rows(joined: dict[str, pa.Table], new: Mapping[str, pa.Table]) -> None:
    for table, rows in new.items():
        if table in joined:
            import pyarrow as pa

            joined[table] = pa.concat_tables([joined[table], rows])
        else:
            joined[table] = rows


def dead_letters(rejects: Sequence[Reject], now_ms: int) -> list[tuple[str, Message]]:
    """Rejects as messages for the topic ``dead-letter``."""
    from fsictl.records.schemas import DEAD_LETTER_TOPIC

    return [(DEAD_LETTER_TOPIC, reject.to_message(timestamp_ms=now_ms)) for reject in rejects]
