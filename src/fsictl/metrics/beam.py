"""The metrics operator on Apache Beam: one state per shard of symbols, closed by event-time timers.

Nothing is computed here. :class:`CloseSeconds` drives a :class:`~fsictl.metrics.operator.MetricsOperator` as the
local loop does, and :class:`BackfillShard` calls :func:`~fsictl.metrics.backfill.backfill`; so the rows are theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.coders import BytesCoder, VarIntCoder
from apache_beam.metrics import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

from fsictl.metrics.backfill import backfill
from fsictl.metrics.future import without_future
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.records.arrow import ticks_of_table
from fsictl.records.encoding import decode_ticks, encode_all_rows, encode_ticks
from fsictl.records.message import Message, Received, Reject
from fsictl.records.schemas import METRICS
from fsictl.records.shards import SHARDS, ticks_by_shard
from fsictl.records.ticks import Ticks

ROWS = "rows"
"""Output: messages with rows of ``metrics``."""

LATE = "late"
"""Output: messages with late ticks, which changed no row."""

REJECTS = "rejects"
"""Output: what was no tick, as :class:`~fsictl.records.message.Reject`."""

_TICKS = "ticks"

Batch = tuple[int, bytes]
"""The latest event time (ms) that is not too far ahead of the message's publication, and an Arrow batch of ticks."""

_ANY_TIME_MS = 2**62

_ROWS_AT_ONCE = 50_000

_MOST_OPERATORS = 1024
"""Operators that one worker thread keeps decoded; with more shards than this it begins to decode anew."""


class StreamingMetrics(beam.PTransform):
    """Messages of the topic ``prices`` (``Received``) to rows, late ticks and rejects, second by second.

    A second closes when the runner's watermark reaches its end plus ``allowed_lateness_ms``. The end-of-input
    message means nothing here: the runner's watermark says when the input ends. Ticks more than ``max_ahead_ms``
    ahead of the time at which they were published are rejects, where times are not in the future anyway.
    """

    def __init__(
        self,
        parameters: MetricsParameters,
        *,
        allowed_lateness_ms: int,
        max_ahead_ms: int | None = None,
        shards: int = SHARDS,
    ) -> None:
        super().__init__()
        self._parameters, self._lateness_ms = parameters, allowed_lateness_ms
        self._max_ahead_ms, self._shards = max_ahead_ms, shards

    def expand(self, received: PCollection) -> dict[str, PCollection]:
        ticks = received | "DecodeTicks" >> _decoded(self._shards, self._max_ahead_ms)
        closing = beam.ParDo(CloseSeconds(self._parameters, self._lateness_ms))
        closed = ticks[_TICKS] | "CloseSeconds" >> closing.with_outputs(LATE, REJECTS, main=ROWS)
        rejects = (ticks[REJECTS], closed[REJECTS]) | "JoinRejects" >> beam.Flatten()
        return {ROWS: closed[ROWS], LATE: closed[LATE], REJECTS: rejects}


class BackfillMetrics(beam.PTransform):
    """All messages of a bounded input to rows and rejects, without timers; nothing is late.

    Ticks are sorted by event time and sequence number, so that the rows do not depend on the order in which a
    runner delivers; ticks of one symbol with both equal keep no order. A shard's ticks are in memory at once.
    """

    def __init__(self, parameters: MetricsParameters, *, shards: int = SHARDS) -> None:
        super().__init__()
        self._parameters, self._shards = parameters, shards

    def expand(self, received: PCollection) -> dict[str, PCollection]:
        ticks = received | "DecodeTicks" >> _decoded(self._shards)
        rows = (
            ticks[_TICKS]
            | "GroupByShard" >> beam.GroupByKey()
            | "BackfillShard" >> beam.ParDo(BackfillShard(self._parameters))
        )
        return {ROWS: rows, REJECTS: ticks[REJECTS]}


def _decoded(shards: int, max_ahead_ms: int | None = None) -> Any:
    by_shard = beam.ParDo(TicksByShard(shards, max_ahead_ms))
    by_shard = by_shard.with_output_types(tuple[int, Batch], **{REJECTS: Reject})
    return by_shard.with_outputs(REJECTS, main=_TICKS)


class TicksByShard(beam.DoFn):
    """Messages to (shard, :data:`Batch`); what is no tick goes to :data:`REJECTS`.

    So do ticks too far ahead in a message that has others. Whether one that has no others is too far ahead depends on
    what was before: its shard knows.
    """

    def __init__(self, shards: int, max_ahead_ms: int | None = None) -> None:
        self._shards, self._max_ahead_ms = shards, max_ahead_ms
        self._ticks = Metrics.counter("fsictl.metrics", "ticks")
        self._rejected = Metrics.counter("fsictl.metrics", "rejected")

    def process(self, received: Received) -> Iterator[Any]:
        decoded = decode_ticks([received])
        latest_ms = _ANY_TIME_MS if self._max_ahead_ms is None else received.published_ms + self._max_ahead_ms
        ticks, ahead = without_future(decoded.ticks, latest_ms=latest_ms, newest_ms=0)
        rejects = [*ahead, *decoded.rejects]
        self._ticks.inc(len(ticks))
        self._rejected.inc(len(rejects))
        for reject in rejects:
            yield TaggedOutput(REJECTS, reject)
        for shard, part in ticks_by_shard(ticks, self._shards):
            yield shard, (latest_ms, encode_ticks(part).data)


class CloseSeconds(beam.DoFn):
    """One operator per shard: its snapshot is the state, its ``next_timer`` plus the lateness is the timer.

    A timer in the past fires at once, so that what was delivered late for the watermark is closed after its delivery.
    Beside the operator, the newest event time of the shard is kept: it tells whether times are in the future anyway.
    """

    STATE = ReadModifyWriteStateSpec("operator", BytesCoder())
    NEWEST = ReadModifyWriteStateSpec("newest", VarIntCoder())
    CLOSE = TimerSpec("close", TimeDomain.WATERMARK)

    def __init__(self, parameters: MetricsParameters, allowed_lateness_ms: int) -> None:
        self._parameters, self._lateness_ms = parameters, allowed_lateness_ms
        self._decoded: dict[int, tuple[bytes, MetricsOperator]] = {}
        self._rows = Metrics.counter("fsictl.metrics", "rows")
        self._late = Metrics.counter("fsictl.metrics", "late")
        self._rejected = Metrics.counter("fsictl.metrics", "rejected")

    def process(
        self,
        element: tuple[int, Batch],
        state: Any = beam.DoFn.StateParam(STATE),
        newest: Any = beam.DoFn.StateParam(NEWEST),
        timer: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> Iterator[Any]:
        shard, (latest_ms, data) = element
        newest_ms = newest.read() or 0
        ticks, rejects = without_future(ticks_of(data), latest_ms=latest_ms, newest_ms=newest_ms)
        self._rejected.inc(len(rejects))
        for reject in rejects:
            yield TaggedOutput(REJECTS, reject)
        if not len(ticks):
            return
        newest.write(max(newest_ms, int(ticks.timestamp.max())))
        operator = self._take_up(shard, state)
        late = operator.process(ticks)
        self._put_down(shard, operator, state, timer)
        if len(late):
            self._late.inc(len(late))
            yield TaggedOutput(LATE, encode_ticks(late))

    @on_timer(CLOSE)
    def close(
        self,
        shard: int = beam.DoFn.KeyParam,
        fired: Any = beam.DoFn.TimestampParam,
        state: Any = beam.DoFn.StateParam(STATE),
        timer: Any = beam.DoFn.TimerParam(CLOSE),
    ) -> Iterator[Message]:
        """Emit what the watermark has passed."""
        operator = self._take_up(shard, state)
        watermark_ms = fired.micros // 1000 - self._lateness_ms
        while len(block := operator.on_watermark(watermark_ms, most_rows=_ROWS_AT_ONCE)):
            self._rows.inc(len(block))
            yield from encode_all_rows(METRICS, table_of_block(block))
        self._put_down(shard, operator, state, timer)

    def _take_up(self, shard: int, state: Any) -> MetricsOperator:
        """The operator in the state; it is decoded only if it is not the one that this worker put down last."""
        stored = state.read()
        if stored is None:
            return MetricsOperator(self._parameters)
        kept = self._decoded.pop(shard, None)  # gone if the work on it fails: it would be ahead of the state then
        if kept is not None and kept[0] == stored:
            return kept[1]
        return MetricsOperator.restore(stored, self._parameters)

    def _put_down(self, shard: int, operator: MetricsOperator, state: Any, timer: Any) -> None:
        snapshot = operator.snapshot()
        state.write(snapshot)
        due = operator.next_timer(in_groups=True)
        if due is None:
            timer.clear()
        else:
            timer.set(Timestamp(micros=(due + self._lateness_ms) * 1000))
        if len(self._decoded) >= _MOST_OPERATORS:
            self._decoded.clear()
        self._decoded[shard] = (snapshot, operator)


def ticks_of(data: bytes) -> Ticks:
    """The ticks of a batch that this module made, which are valid."""
    return ticks_of_table(pa.ipc.open_stream(data).read_all())


class BackfillShard(beam.DoFn):
    """All ticks of a shard to its rows, sorted by symbol and time."""

    def __init__(self, parameters: MetricsParameters) -> None:
        self._parameters = parameters

    def process(self, element: tuple[int, Iterable[Batch]]) -> Iterator[Message]:
        _, batches = element
        ticks = Ticks.concat([ticks_of(data) for _, data in batches])
        ticks = ticks.take(np.lexsort((ticks.sequence, ticks.timestamp)))
        for block in backfill(ticks, self._parameters):
            yield from encode_all_rows(METRICS, table_of_block(block))
