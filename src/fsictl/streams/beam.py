"""The three pipelines on Apache Beam, from a source to a sink that the caller chooses.

A source is a PTransform from ``PBegin`` to ``Received`` with event timestamps (the attribute ``timestamp``); a sink
takes ``Message``, or Arrow tables. So the same graphs run in tests, on a portable runner and on Dataflow. Every step
has a name of its own that must stay: a running job can be updated only if its steps and their state keep their names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput

from fsictl.clock import Clock, SystemClock
from fsictl.metrics import beam as metrics
from fsictl.metrics.parameters import MetricsParameters
from fsictl.model import beam as model
from fsictl.model.windows import WindowRules
from fsictl.ports.warehouse import Warehouse
from fsictl.records.message import Message, Received, Reject
from fsictl.records.schemas import METRICS_TOPIC, PRICES_TOPIC, RECONERR_TOPIC, TOPIC_SCHEMAS
from fsictl.records.shards import SHARDS
from fsictl.streams.metrics import late_letters
from fsictl.streams.pipeline import dead_letters as letters_of
from fsictl.streams.sink import decode_topic

_CLOCK = SystemClock()


def build_metrics(
    pipeline: beam.Pipeline,
    *,
    source: beam.PTransform,
    sink: beam.PTransform,
    dead_letters: beam.PTransform,
    parameters: MetricsParameters,
    allowed_lateness: float,
    max_ahead: float | None = None,
    shards: int = SHARDS,
    clock: Clock = _CLOCK,
) -> None:
    """Topic ``prices`` to messages of the topic ``metrics``, second by second; late ticks and rejects to dead letters.

    ``allowed_lateness`` is how many seconds a second waits, after the runner's watermark has passed it. Ticks more
    than ``max_ahead`` seconds ahead of their publication are rejects, as in the local pipeline.
    """
    closing = metrics.StreamingMetrics(
        parameters,
        allowed_lateness_ms=round(allowed_lateness * 1000),
        max_ahead_ms=None if max_ahead is None else round(max_ahead * 1000),
        shards=shards,
    )
    made = pipeline | "ReadPrices" >> source | "Metrics" >> closing
    made[metrics.ROWS] | "WriteMetrics" >> sink
    late = made[metrics.LATE] | "LateTicks" >> beam.ParDo(LateLetters())
    rejected = made[metrics.REJECTS] | "RejectedPrices" >> beam.ParDo(RejectLetters(clock))
    (late, rejected) | "JoinDeadLetters" >> beam.Flatten() | "WriteDeadLetters" >> dead_letters


def build_backfill(
    pipeline: beam.Pipeline,
    *,
    source: beam.PTransform,
    sink: beam.PTransform,
    dead_letters: beam.PTransform,
    parameters: MetricsParameters,
    shards: int = SHARDS,
    clock: Clock = _CLOCK,
) -> None:
    """All prices of a bounded source to messages of metrics rows; those of ``fsictl metrics backfill``."""
    made = pipeline | "ReadPrices" >> source | "Backfill" >> metrics.BackfillMetrics(parameters, shards=shards)
    made[metrics.ROWS] | "WriteMetrics" >> sink
    rejected = made[metrics.REJECTS] | "RejectedPrices" >> beam.ParDo(RejectLetters(clock))
    rejected | "WriteDeadLetters" >> dead_letters


def build_infer(
    pipeline: beam.Pipeline,
    *,
    source: beam.PTransform,
    sink: beam.PTransform,
    dead_letters: beam.PTransform,
    rules: WindowRules,
    open_artifacts: model.OpenArtifacts,
    calibrations: beam.PTransform | None = None,
    wait: float = 0.0,
    bounded: bool = False,
    shards: int = SHARDS,
    clock: Clock = _CLOCK,
) -> None:
    """Topic ``metrics`` to messages of the topic ``reconerr``, by the champion of the model store.

    The challenger is scored beside it, in shadow. ``calibrations`` takes the Arrow tables that the operator makes
    every hour, for the table of that name; without it they are used and not stored.
    ``wait`` is how many seconds rows wait for earlier ones, after the watermark has passed them; a ``bounded``
    source is judged as a whole instead.
    """
    verdicts: beam.PTransform = (
        model.BoundedVerdicts(rules, open_artifacts, shards=shards)
        if bounded
        else model.StreamingVerdicts(rules, open_artifacts, wait_ms=round(wait * 1000), shards=shards)
    )
    made = pipeline | "ReadMetrics" >> source | "Infer" >> verdicts
    made[model.VERDICTS] | "WriteVerdicts" >> sink
    if calibrations is not None:
        made[model.CALIBRATIONS] | "WriteCalibrations" >> calibrations
    rejected = made[model.REJECTS] | "RejectedRows" >> beam.ParDo(RejectLetters(clock))
    rejected | "WriteDeadLetters" >> dead_letters


def build_sink(
    pipeline: beam.Pipeline,
    *,
    sources: Mapping[str, beam.PTransform],
    tables: Mapping[str, beam.PTransform],
    dead_letters: beam.PTransform,
    clock: Clock = _CLOCK,
) -> None:
    """Topics to the tables of the same names: ``sources`` by topic, ``tables`` (of Arrow tables) by table."""
    rejected = []
    for topic in (PRICES_TOPIC, METRICS_TOPIC, RECONERR_TOPIC):
        if topic not in sources:
            continue
        decode = beam.ParDo(TableOfTopic(topic)).with_outputs(_REJECTS, main=_TABLES)
        made = pipeline | f"Read_{topic}" >> sources[topic] | f"Decode_{topic}" >> decode
        made[_TABLES] | f"Write_{topic}" >> tables[TOPIC_SCHEMAS[topic].name]
        rejected.append(made[_REJECTS] | f"Rejected_{topic}" >> beam.ParDo(RejectLetters(clock)))
    rejected | "JoinDeadLetters" >> beam.Flatten(pipeline=pipeline) | "WriteDeadLetters" >> dead_letters


_TABLES, _REJECTS = "tables", "rejects"


class LateLetters(beam.DoFn):
    """Late ticks to one dead letter each."""

    def process(self, late: Message) -> Iterator[Message]:
        for _, letter in late_letters(metrics.ticks_of(late.data)):
            yield letter


class RejectLetters(beam.DoFn):
    """Rejects to dead letters."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def process(self, reject: Reject) -> Iterator[Message]:
        for _, letter in letters_of([reject], self._clock.now_ms()):
            yield letter


class TableOfTopic(beam.DoFn):
    """Messages of a topic to Arrow tables of its rows; what is none goes to rejects."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._rows = Metrics.counter("fsictl.sink", topic)

    def process(self, received: Received) -> Iterator[Any]:
        table, rejects = decode_topic(self._topic, [received])
        for reject in rejects:
            yield TaggedOutput(_REJECTS, reject)
        if table.num_rows:
            self._rows.inc(table.num_rows)
            yield table


class WriteToWarehouse(beam.PTransform):
    """Arrow tables to one table of a :class:`~fsictl.ports.warehouse.Warehouse`, a bundle in one transaction.

    A bundle that is tried again writes the same rows again, which changes nothing: tables have natural keys.
    ``open_warehouse`` is a module's function or a ``functools.partial`` of one, so that it can travel to workers.
    """

    def __init__(self, table: str, open_warehouse: Callable[[], Warehouse]) -> None:
        super().__init__()
        self._table, self._open = table, open_warehouse

    def expand(self, tables: PCollection) -> PCollection:
        return tables | "Write" >> beam.ParDo(_WriteRows(self._table, self._open))


class _WriteRows(beam.DoFn):
    def __init__(self, table: str, open_warehouse: Callable[[], Warehouse]) -> None:
        self._table, self._open = table, open_warehouse

    def setup(self) -> None:
        self._warehouse = self._open()

    def start_bundle(self) -> None:
        self._tables: list[pa.Table] = []

    def process(self, table: pa.Table) -> None:
        self._tables.append(table)

    def finish_bundle(self) -> None:
        if self._tables:
            self._warehouse.write(self._table, pa.concat_tables(self._tables))
