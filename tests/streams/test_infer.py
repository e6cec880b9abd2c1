from __future__ import annotations

import logging
from pathlib import Path

import pyarrow as pa
import pytest
from tests.streams.channels import CrashError, MemoryChannel

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.clock import ManualClock
from fsictl.metrics.backfill import backfill
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.model.inference import InferenceOperator
from fsictl.model.windows import WindowRules
from fsictl.prices.simulate import simulate
from fsictl.records.encoding import decode_rows, encode_rows
from fsictl.records.message import Message, Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC, METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.records.ticks import Ticks
from fsictl.streams.infer import InferPipeline
from fsictl.streams.pipeline import Stop, run_pipeline

RULES = WindowRules()


@pytest.fixture(scope="module")
def metrics() -> pa.Table:
    """Twenty minutes of one pair, whose RSI is extreme for a good part of them."""
    ticks = Ticks.concat(list(simulate(["EURUSD"], seed=3, duration=1800)))
    return pa.concat_tables([table_of_block(block) for block in backfill(ticks, MetricsParameters())])


def _messages(metrics: pa.Table, rows: int) -> list[tuple[str, Message]]:
    return [
        (METRICS_TOPIC, encode_rows(METRICS, metrics.slice(start, rows))) for start in range(0, metrics.num_rows, rows)
    ]


def _verdicts(channel: MemoryChannel) -> pa.Table:
    sent = [Received(topic, "1", message, 0) for topic, message in channel.outgoing if topic == RECONERR_TOPIC]
    return decode_rows(RECONERR, sent).table


def _run(channel: MemoryChannel, folder: Path, messages: int = 5) -> None:
    pipeline = InferPipeline(RULES, LocalArtifacts(folder), ManualClock())
    run_pipeline(pipeline, channel, ManualClock(), poll=0.0, messages=messages, stop=lambda: Stop.DRAIN)


def test_without_a_model_every_window_has_a_row_that_says_so(metrics: pa.Table, tmp_path: Path) -> None:
    channel = MemoryChannel(_messages(metrics, 100))
    _run(channel, tmp_path)
    found = _verdicts(channel)
    assert found.equals(InferenceOperator(RULES).process(metrics, None))
    assert found.num_rows > 300
    assert set(found.column("reason").to_pylist()) <= {"no model", "warm-up", "stale"}
    assert channel.counters["rows"] == metrics.num_rows
    assert channel.counters["verdicts"] == found.num_rows


def test_crashes_neither_lose_nor_double_a_verdict(metrics: pa.Table, tmp_path: Path) -> None:
    channel = MemoryChannel(_messages(metrics, 70), crash_at=[1, 2, 4, 8, 9])
    for _ in range(6):
        try:
            _run(channel, tmp_path, messages=2)
        except CrashError:
            continue
    assert _verdicts(channel).equals(InferenceOperator(RULES).process(metrics, None))


def test_what_is_not_a_metrics_row_is_kept_and_the_rest_is_judged(metrics: pa.Table, tmp_path: Path) -> None:
    bad = (METRICS_TOPIC, Message(b"[1", {"timestamp": "1", "symbol": "A"}))
    channel = MemoryChannel([bad, *_messages(metrics, 1000), bad])
    _run(channel, tmp_path)
    assert channel.counters["rejected"] == 2
    assert [message.data for topic, message in channel.outgoing if topic == DEAD_LETTER_TOPIC] == [b"[1", b"[1"]
    assert _verdicts(channel).num_rows > 300


def test_a_version_that_cannot_be_loaded_is_said_once_and_stops_nothing(
    metrics: pa.Table, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    artifacts = LocalArtifacts(tmp_path)
    artifacts.put("empty", {"model.keras": b""})
    for alias in ("champion", "challenger"):
        artifacts.point(alias, "empty")
    channel = MemoryChannel(_messages(metrics, 100))
    with caplog.at_level(logging.ERROR):
        _run(channel, tmp_path)
    assert _verdicts(channel).num_rows > 300
    said = [record.getMessage() for record in caplog.records]
    assert [message.startswith("there is no file 'card.json'") for message in said] == [True, True]
    assert ["no verdicts" in message for message in said] == [True, False]  # the champion, then the challenger
