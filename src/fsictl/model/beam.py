"""The inference operator on Apache Beam: one state per shard of symbols, rows judged in order of event time.

Nothing is computed here: both transforms drive an :class:`~fsictl.model.inference.InferenceOperator`, which needs the
rows of a symbol in order. A runner promises none, so that rows wait until the watermark has passed them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.coders import BytesCoder, VarIntCoder
from apache_beam.metrics import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.timestamp import Timestamp

from fsictl.model.champion import Challengers, Champions
from fsictl.model.inference import InferenceOperator
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.records.encoding import decode_rows, encode_all_rows, encode_rows
from fsictl.records.message import Received, Reject
from fsictl.records.schemas import METRICS, RECONERR
from fsictl.records.shards import SHARDS, rows_by_shard

VERDICTS = "verdicts"
"""Output: messages with rows of ``reconerr``."""

CALIBRATIONS = "calibrations"
"""Output: Arrow tables with rows of ``calibrations``, which the operator makes every hour."""

REJECTS = "rejects"
"""Output: what was no metrics row, as :class:`~fsictl.records.message.Reject`."""

_ROWS = "rows"

_ROWS_AT_ONCE = 50_000

OpenArtifacts = Callable[[], Artifacts]
"""Opens the model store on a worker; a module's function or a ``functools.partial`` of one, so that it can travel."""


class StreamingVerdicts(beam.PTransform):
    """Messages of the topic ``metrics`` (``Received``) to verdicts and rejects.

    A message's rows are judged once the runner's watermark is ``wait_ms`` after the newest of them. Rows that come
    later still, behind judged ones of their symbol, get no verdict: the operator takes them for repeated ones.
    """

    def __init__(
        self, rules: WindowRules, open_artifacts: OpenArtifacts, *, wait_ms: int = 0, shards: int = SHARDS
    ) -> None:
        super().__init__()
        self._rules, self._open, self._wait_ms, self._shards = rules, open_artifacts, wait_ms, shards

    def expand(self, received: PCollection) -> dict[str, PCollection]:
        rows = received | "DecodeRows" >> _decoded(self._shards)
        judge = beam.ParDo(JudgeRows(self._rules, self._open, self._wait_ms))
        judged = rows[_ROWS] | "JudgeRows" >> judge.with_outputs(CALIBRATIONS, main=VERDICTS)
        return {VERDICTS: judged[VERDICTS], CALIBRATIONS: judged[CALIBRATIONS], REJECTS: rows[REJECTS]}


class BoundedVerdicts(beam.PTransform):
    """All messages of a bounded input to verdicts and rejects, without timers. A shard's rows are in memory at once."""

    def __init__(self, rules: WindowRules, open_artifacts: OpenArtifacts, *, shards: int = SHARDS) -> None:
        super().__init__()
        self._rules, self._open, self._shards = rules, open_artifacts, shards

    def expand(self, received: PCollection) -> dict[str, PCollection]:
        rows = received | "DecodeRows" >> _decoded(self._shards)
        judge = beam.ParDo(JudgeShard(self._rules, self._open)).with_outputs(CALIBRATIONS, main=VERDICTS)
        judged = rows[_ROWS] | "GroupByShard" >> beam.GroupByKey() | "JudgeShard" >> judge
        return {VERDICTS: judged[VERDICTS], CALIBRATIONS: judged[CALIBRATIONS], REJECTS: rows[REJECTS]}


def _decoded(shards: int) -> Any:
    by_shard = beam.ParDo(RowsByShard(shards)).with_output_types(tuple[int, bytes], **{REJECTS: Reject})
    return by_shard.with_outputs(REJECTS, main=_ROWS)


class RowsByShard(beam.DoFn):
    """Messages to (shard, Arrow batch of metrics rows); what is none goes to :data:`REJECTS`."""

    def __init__(self, shards: int) -> None:
        self._shards = shards
        self._rows = Metrics.counter("fsictl.infer", "rows")
        self._rejected = Metrics.counter("fsictl.infer", "rejected")

    def process(self, received: Received) -> Iterator[Any]:
        decoded = decode_rows(METRICS, [received])
        self._rows.inc(decoded.table.num_rows)
        self._rejected.inc(len(decoded.rejects))
        for reject in decoded.rejects:
            yield TaggedOutput(REJECTS, reject)
        for shard, rows in rows_by_shard(decoded.table, self._shards):
            yield shard, encode_rows(METRICS, rows).data


class JudgeRows(beam.DoFn):
    """One operator per shard; beside its snapshot, the state has the rows that wait and when they are due."""

    STATE = ReadModifyWriteStateSpec("operator", BytesCoder())
    WAITING = BagStateSpec("waiting", BytesCoder())
    DUE = ReadModifyWriteStateSpec("due", VarIntCoder())
    JUDGE = TimerSpec("judge", TimeDomain.WATERMARK)

    def __init__(self, rules: WindowRules, open_artifacts: OpenArtifacts, wait_ms: int) -> None:
        self._rules, self._open, self._wait_ms = rules, open_artifacts, wait_ms
        self._verdicts = Metrics.counter("fsictl.infer", "verdicts")

    def setup(self) -> None:
        """Look for champions and challengers from here on."""
        artifacts = self._open()
        self._champions, self._challengers = Champions(artifacts), Challengers(artifacts)

    def process(
        self,
        element: tuple[int, bytes],
        waiting: Any = beam.DoFn.StateParam(WAITING),
        due: Any = beam.DoFn.StateParam(DUE),
        timer: Any = beam.DoFn.TimerParam(JUDGE),
    ) -> None:
        _, data = element
        waiting.add(data)
        self._wait_for(_rows_of(data), due, timer)

    @on_timer(JUDGE)
    def judge(
        self,
        fired: Any = beam.DoFn.TimestampParam,
        state: Any = beam.DoFn.StateParam(STATE),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        due: Any = beam.DoFn.StateParam(DUE),
        timer: Any = beam.DoFn.TimerParam(JUDGE),
    ) -> Iterator[Any]:
        """Judge what the watermark has passed, and keep the rest."""
        rows = pa.concat_tables([_rows_of(data) for data in waiting.read()])
        passed = pc.less(rows.column("timestamp"), fired.micros // 1000 - self._wait_ms)
        rest = rows.filter(pc.invert(passed))
        waiting.clear()
        due.clear()
        if rest.num_rows:
            waiting.add(encode_rows(METRICS, rest).data)
            self._wait_for(rest, due, timer)
        operator = InferenceOperator(self._rules)
        if (stored := state.read()) is not None:
            operator.restore(stored)
        verdicts = operator.process(rows.filter(passed), self._champions.scorers(), self._challengers.scorers())
        state.write(operator.snapshot())
        self._verdicts.inc(verdicts.num_rows)
        yield from encode_all_rows(RECONERR, verdicts)
        yield from _calibrations_of(operator)

    def _wait_for(self, rows: pa.Table, due: Any, timer: Any) -> None:
        """Be called when the watermark has passed all of these rows, or others that are due before them."""
        newest = pc.max(rows.column("timestamp")).as_py()
        known = due.read()
        if known is None or newest < known:
            due.write(newest)
            timer.set(Timestamp(micros=(newest + 1 + self._wait_ms) * 1000))


class JudgeShard(beam.DoFn):
    """All metrics rows of a shard to its verdicts, in the order of event time."""

    def __init__(self, rules: WindowRules, open_artifacts: OpenArtifacts) -> None:
        self._rules, self._open = rules, open_artifacts

    def setup(self) -> None:
        """Look for champions and challengers from here on."""
        artifacts = self._open()
        self._champions, self._challengers = Champions(artifacts), Challengers(artifacts)

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        _, batches = element
        rows = pa.concat_tables([_rows_of(data) for data in batches]).sort_by("timestamp")
        operator = InferenceOperator(self._rules)
        for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
            some = rows.slice(start, _ROWS_AT_ONCE)
            verdicts = operator.process(some, self._champions.scorers(), self._challengers.scorers())
            yield from encode_all_rows(RECONERR, verdicts)
            yield from _calibrations_of(operator)


def _calibrations_of(operator: InferenceOperator) -> Iterator[TaggedOutput]:
    made = operator.calibrations()
    if made.num_rows:
        yield TaggedOutput(CALIBRATIONS, made)


def _rows_of(data: bytes) -> pa.Table:
    """The rows of a batch that :class:`RowsByShard` made."""
    return pa.ipc.open_stream(data).read_all()
