"""The Beam pipelines as wholes, on Beam's own runner for bounded input."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing import test_stream
from apache_beam.transforms.window import TimestampedValue
from tests.model.market import metrics_table

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock, SystemClock
from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import load_scorer
from fsictl.model.windows import WindowRules
from fsictl.parity.beam import ToFiles
from fsictl.parity.chance import champion_of_chance
from fsictl.parity.compare import Outcome, first_difference
from fsictl.records.arrow import ticks_to_table
from fsictl.records.encoding import decode_rows, encode_end_of_input, encode_rows, encode_ticks
from fsictl.records.message import Message, Received
from fsictl.records.schemas import METRICS, METRICS_TOPIC, PRICES, PRICES_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.records.ticks import Ticks
from fsictl.streams.beam import WriteToWarehouse, build_infer, build_metrics, build_sink

BAD = Message(b"{not json", {"timestamp": "1", "symbol": "A"})
BOUNDED = ["--runner=FnApiRunner"]


def _received(topic: str, messages: list[Message]) -> list[Received]:
    return [Received(topic, str(number), message, 0) for number, message in enumerate(messages)]


def _source(topic: str, messages: list[Message]) -> beam.PTransform:
    return beam.Create(_received(topic, messages), reshuffle=False)


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def _files(folder: Path) -> list[tuple[str, bytes]]:
    found = [file.read_bytes().split(b"\n", 1) for file in folder.iterdir()]
    return sorted((origin.decode(), data) for origin, data in found)


def test_the_sink_writes_every_topic_to_its_table_and_keeps_what_is_none(tmp_path: Path) -> None:
    ticks = Ticks.of(["A", "B", "A"], [1_000, 2_000, 3_000], [1.0, 2.0, 3.0])
    rows = metrics_table("EURUSD", rows=50)
    verdicts = InferenceOperator(WindowRules()).process(metrics_table("EURUSD", rows=900), None)
    assert verdicts.num_rows > 10
    state, letters = _folder(tmp_path, "state"), _folder(tmp_path, "letters")
    open_warehouse = partial(LocalWarehouse, state, SystemClock())
    sources = {
        PRICES_TOPIC: [encode_ticks(ticks), BAD, encode_ticks(ticks), encode_end_of_input(3_000)],
        METRICS_TOPIC: [encode_rows(METRICS, rows.slice(start, 20)) for start in (0, 20, 40)],
        RECONERR_TOPIC: [BAD, encode_rows(RECONERR, verdicts)],
    }
    with beam.Pipeline(options=PipelineOptions(BOUNDED)) as pipeline:
        build_sink(
            pipeline,
            sources={topic: _source(topic, messages) for topic, messages in sources.items()},
            tables={table: WriteToWarehouse(table, open_warehouse) for table in ("prices", "metrics", "reconerr")},
            dead_letters=ToFiles(letters),
            clock=ManualClock(5),
        )
    warehouse = open_warehouse()
    order: list[Any] = [("symbol", "ascending"), ("timestamp", "ascending")]
    for schema, expected in ((PRICES, ticks_to_table(ticks)), (METRICS, rows), (RECONERR, verdicts)):
        assert warehouse.read(schema.name).equals(expected.sort_by(order)), schema.name
    assert _files(letters) == [("prices/1", BAD.data), ("reconerr/0", BAD.data)]


def test_a_late_tick_and_what_is_none_go_to_the_dead_letters(tmp_path: Path) -> None:
    start = 1_600_000_000_000
    messages = [Ticks.of(["A"], [start], [1.0]), Ticks.of(["B"], [start + 60_000], [2.0])]
    late = Ticks.of(["A"], [start + 500], [9.0])
    stream = test_stream.TestStream().advance_watermark_to(0)
    for received, moment in zip(
        _received(PRICES_TOPIC, [*map(encode_ticks, messages), BAD, encode_ticks(late)]), (0, 60, 61, 62), strict=True
    ):
        stream = stream.add_elements([TimestampedValue(received, start // 1000)])
        stream = stream.advance_watermark_to(start // 1000 + moment)
    rows, letters = _folder(tmp_path, "rows"), _folder(tmp_path, "letters")
    options = PipelineOptions(["--runner=BundleBasedDirectRunner", "--streaming"])
    with beam.Pipeline(options=options) as pipeline:
        build_metrics(
            pipeline,
            source=stream.advance_watermark_to_infinity(),
            sink=ToFiles(rows),
            dead_letters=ToFiles(letters),
            parameters=MetricsParameters(window=5, max_gap=2),
            allowed_lateness=2.0,
            shards=1,
        )
    (malformed, (origin, data)) = sorted(_files(letters), key=lambda letter: letter[0] != "prices/2")
    assert malformed == ("prices/2", BAD.data)
    assert origin == f"prices/A/{start + 500}/0"
    assert b"9.0" in data
    assert len(_files(rows)) == 6  # a second and two filled ones of either symbol, each closed by a timer


RULES = WindowRules(rsi_window=60)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A model store on disk with a champion and a challenger for an RSI over a minute."""
    artifacts = LocalArtifacts(tmp_path)
    for alias, seed in (("champion", 1), ("challenger", 2)):
        chance = champion_of_chance(RULES, seed=seed, version=alias)
        for folder in chance.folders():
            artifacts.put(folder, chance.stored[folder])
        artifacts.point(alias, alias)
    return tmp_path


@pytest.mark.parametrize("bounded", [True, False])
def test_inference_judges_by_the_store_and_keeps_what_is_no_row(store: Path, tmp_path: Path, bounded: bool) -> None:
    rows = pa.concat_tables([metrics_table(symbol, rows=4_000) for symbol in ("EURUSD", "USDJPY", "A")])
    operator = InferenceOperator(RULES)
    champion, challenger = (load_scorer(LocalArtifacts(store), alias) for alias in ("champion", "challenger"))
    expected = operator.process(rows, champion, challenger)
    calibrations = operator.calibrations()
    assert set(expected.column("model_version").to_pylist()) == {"champion", "challenger"}
    assert expected.column("reconstruction_error").null_count < expected.num_rows
    assert calibrations.num_rows > 6  # more than one hour of two versions of three symbols
    messages = [BAD, *(encode_rows(METRICS, rows.slice(start, 250)) for start in range(0, rows.num_rows, 250))]
    made, letters, state = (_folder(tmp_path, name) for name in ("made", "letters", "state"))
    open_warehouse = partial(LocalWarehouse, state, SystemClock())
    stream = test_stream.TestStream().advance_watermark_to(0)
    for received in _received(METRICS_TOPIC, messages[::-1]):
        stream = stream.add_elements([TimestampedValue(received, 1)])
    source = _source(METRICS_TOPIC, messages[::-1]) if bounded else stream.advance_watermark_to_infinity()
    options = BOUNDED if bounded else ["--runner=BundleBasedDirectRunner", "--streaming"]
    with beam.Pipeline(options=PipelineOptions(options)) as pipeline:
        build_infer(
            pipeline,
            source=source,
            sink=ToFiles(made),
            dead_letters=ToFiles(letters),
            rules=RULES,
            open_artifacts=partial(LocalArtifacts, store),
            calibrations=WriteToWarehouse("calibrations", open_warehouse),
            bounded=bounded,
            shards=8,
        )
    attributes = encode_rows(RECONERR, expected).attributes
    found = decode_rows(RECONERR, _received(RECONERR_TOPIC, [Message(data, attributes) for _, data in _files(made)]))
    order: list[Any] = [("symbol", "ascending"), ("timestamp", "ascending"), ("model_version", "ascending")]
    assert first_difference(RECONERR, Outcome(expected.sort_by(order)), Outcome(found.table.sort_by(order))) is None
    assert open_warehouse().read("calibrations").sort_by(order).equals(calibrations.sort_by(order))
    assert [data for _, data in _files(letters)] == [BAD.data]
