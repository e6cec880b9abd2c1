"""The Beam pipelines, given deliveries: a ``TestStream`` as the source, files of this machine as the sink."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.coders import BytesCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pvalue import PBegin, PCollection
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.windows import WindowRules
from fsictl.parity.compare import Outcome, outcome_of
from fsictl.parity.scenarios import Scenario
from fsictl.ports.artifacts import Artifacts
from fsictl.records.encoding import arrow_content_type, encode_rows, encode_ticks
from fsictl.records.message import CONTENT_TYPE, Message, Received
from fsictl.records.schemas import METRICS, PRICES, RECONERR, Schema
from fsictl.streams.beam import build_backfill, build_infer, build_metrics

Delivered = tuple[Sequence[Message], int]
"""Messages that arrive together, and the watermark (ms) once they have."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Beam's options of a runner for streams and of one for bounded input."""

    streaming: tuple[str, ...]
    bounded: tuple[str, ...]


DIRECT = Runner(("--runner=BundleBasedDirectRunner", "--streaming"), ("--runner=FnApiRunner",))
"""Beam's own runners inside this process."""


def prism(binary: Path) -> Runner:
    """Beam's portable runner Prism, started from this file: every step goes over the portability API."""
    quiet = "--prism_log_level=error"
    options = ("--runner=PrismRunner", f"--prism_location={binary}", quiet, "--environment_type=LOOPBACK")
    return Runner((*options, "--streaming"), options)


def stream_metrics(
    scenario: Scenario, parameters: MetricsParameters, *, allowed_lateness: float, shards: int, runner: Runner
) -> Outcome:
    """What the streaming form makes of the deliveries; the watermark is the newest event time delivered."""
    newest, deliveries = 0, []
    for delivery in scenario.deliveries:
        newest = max(newest, *(int(ticks.timestamp.max()) for ticks in delivery))
        deliveries.append(([encode_ticks(ticks) for ticks in delivery], newest))
    build = partial(build_metrics, parameters=parameters, allowed_lateness=allowed_lateness, shards=shards)
    return _run(build, Streamed(PRICES, deliveries), METRICS, runner.streaming)


def backfill_metrics(scenario: Scenario, parameters: MetricsParameters, *, shards: int, runner: Runner) -> Outcome:
    """What the bounded form makes of all messages."""
    messages = [encode_ticks(ticks) for delivery in scenario.deliveries for ticks in delivery]
    build = partial(build_backfill, parameters=parameters, shards=shards)
    return _run(build, Bounded(PRICES, messages), METRICS, runner.bounded)


def stream_verdicts(
    deliveries: Sequence[Sequence[pa.Table]],
    rules: WindowRules,
    open_artifacts: Callable[[], Artifacts],
    *,
    shards: int,
    runner: Runner,
) -> Outcome:
    """What the streaming form of inference makes of metrics rows, a message for each table."""
    newest, delivered = 0, []
    for tables in deliveries:
        newest = max(newest, *(pc.max(table.column("timestamp")).as_py() for table in tables))
        delivered.append(([encode_rows(METRICS, table) for table in tables], newest))
    build = partial(build_infer, rules=rules, open_artifacts=open_artifacts, shards=shards)
    return _run(build, Streamed(METRICS, delivered), RECONERR, runner.streaming)


def bounded_verdicts(
    deliveries: Sequence[Sequence[pa.Table]],
    rules: WindowRules,
    open_artifacts: Callable[[], Artifacts],
    *,
    shards: int,
    runner: Runner,
) -> Outcome:
    """What the bounded form of inference makes of metrics rows, a message for each table."""
    messages = [encode_rows(METRICS, table) for tables in deliveries for table in tables]
    build = partial(build_infer, rules=rules, open_artifacts=open_artifacts, bounded=True, shards=shards)
    return _run(build, Bounded(METRICS, messages), RECONERR, runner.bounded)


def _run(build: Callable[..., None], source: beam.PTransform, made: Schema, options: Sequence[str]) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="fsictl-parity-") as name:
        rows, letters = Path(name) / "rows", Path(name) / "letters"
        rows.mkdir()
        letters.mkdir()
        with beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
            build(pipeline, source=source, sink=ToFiles(rows), dead_letters=ToFiles(letters))
        attributes = {CONTENT_TYPE: arrow_content_type(made)}
        messages = [Message(data, attributes) for _, data in _read(rows)]
        return outcome_of(made, messages, [Message(data, {"origin": origin}) for origin, data in _read(letters)])


class Streamed(beam.PTransform):
    """Arrow batches of ``schema`` with a watermark that follows them, and goes to infinity after the last one."""

    def __init__(self, schema: Schema, deliveries: Sequence[Delivered]) -> None:
        super().__init__()
        self._schema, self._deliveries = schema, deliveries

    def expand(self, begin: PBegin) -> PCollection:
        stream = TestStream(coder=BytesCoder()).advance_watermark_to(Timestamp(0))
        now = 0
        for messages, watermark_ms in self._deliveries:
            elements = [TimestampedValue(message.data, _moment(message)) for message in messages]
            stream = stream.add_elements(elements)
            if watermark_ms > now:
                now = watermark_ms
                stream = stream.advance_watermark_to(Timestamp(micros=now * 1000))
        read = begin | "Deliver" >> stream.advance_watermark_to_infinity()
        return read | "AsReceived" >> beam.ParDo(AsReceived(self._schema))


class Bounded(beam.PTransform):
    """Arrow batches of ``schema``, all there from the start."""

    def __init__(self, schema: Schema, messages: Sequence[Message]) -> None:
        super().__init__()
        self._schema, self._messages = schema, messages

    def expand(self, begin: PBegin) -> PCollection:
        created = begin | "Deliver" >> beam.Create([message.data for message in self._messages])
        return created | "AsReceived" >> beam.ParDo(AsReceived(self._schema))


def _moment(message: Message) -> Timestamp:
    return Timestamp(micros=int(message.attributes["timestamp"]) * 1000)


class AsReceived(beam.DoFn):
    """Bytes to messages as a topic would give them."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def process(self, data: bytes) -> Iterator[Received]:
        message = Message(data, {CONTENT_TYPE: arrow_content_type(self._schema)})
        yield Received(self._schema.name, "0", message, 0)


class ToFiles(beam.PTransform):
    """Messages to a file each in ``folder``, which every worker on this machine can reach."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = str(folder)

    def expand(self, messages: PCollection) -> PCollection:
        return messages | "ToFile" >> beam.ParDo(ToFile(self._folder))


class ToFile(beam.DoFn):
    """A message to a file of its own: the origin of a dead letter in the first line, then the bytes."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, message: Message) -> Iterator[Any]:
        origin = message.attributes.get("origin", "")
        Path(self._folder, uuid.uuid4().hex).write_bytes(f"{origin}\n".encode() + message.data)
        yield from ()


def _read(folder: Path) -> list[tuple[str, bytes]]:
    parts = [file.read_bytes().split(b"\n", 1) for file in sorted(folder.iterdir())]
    return [(origin.decode(), data) for origin, data in parts]
