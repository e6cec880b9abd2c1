"""The local engine: the pipelines that ``fsictl stream`` runs, and the backfill, given deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from fsictl.clock import ManualClock
from fsictl.metrics.backfill import backfill
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.model.windows import WindowRules
from fsictl.parity.compare import Outcome, outcome_of
from fsictl.parity.scenarios import Scenario
from fsictl.ports.artifacts import Artifacts
from fsictl.records.encoding import encode_all_rows, encode_end_of_input, encode_rows, encode_ticks
from fsictl.records.message import Message, Received
from fsictl.records.schemas import (
    DEAD_LETTER_TOPIC,
    METRICS,
    METRICS_TOPIC,
    PRICES_TOPIC,
    RECONERR,
    RECONERR_TOPIC,
)
from fsictl.records.ticks import MAX_TIMESTAMP_MS, Ticks
from fsictl.streams.infer import InferPipeline
from fsictl.streams.metrics import MetricsPipeline


def stream_metrics(scenario: Scenario, parameters: MetricsParameters, *, allowed_lateness: float) -> Outcome:
    """What the pipeline ``metrics`` makes of the deliveries and the end of the input."""

    def fresh() -> MetricsPipeline:
        return MetricsPipeline(parameters, ManualClock(), allowed_lateness=allowed_lateness, idle_timeout=5.0)

    pipeline, outgoing = fresh(), []
    deliveries = [[encode_ticks(ticks) for ticks in delivery] for delivery in scenario.deliveries]
    for messages in [*deliveries, [encode_end_of_input(MAX_TIMESTAMP_MS)]]:
        if scenario.restores:
            stored, counters = pipeline.snapshot(), pipeline.counters()
            pipeline = fresh()
            pipeline.restore(stored, counters)
        outgoing += pipeline.step(_received(PRICES_TOPIC, messages)).outgoing
    rows = [message for topic, message in outgoing if topic == METRICS_TOPIC]
    letters = [message for topic, message in outgoing if topic == DEAD_LETTER_TOPIC]
    return outcome_of(METRICS, rows, letters)


def backfill_metrics(scenario: Scenario, parameters: MetricsParameters) -> Outcome:
    """What ``fsictl metrics backfill`` makes of all ticks, sorted as the table ``prices`` is."""
    ticks = Ticks.concat([message for delivery in scenario.deliveries for message in delivery])
    ticks = ticks.take(np.lexsort((ticks.sequence, ticks.timestamp)))
    tables = (table_of_block(block) for block in backfill(ticks, parameters))
    return outcome_of(METRICS, [message for table in tables for message in encode_all_rows(METRICS, table)])


def stream_verdicts(
    deliveries: Sequence[Sequence[pa.Table]], rules: WindowRules, open_artifacts: Callable[[], Artifacts]
) -> Outcome:
    """What the pipeline ``infer`` makes of metrics rows, a message for each table; it is restored in between."""
    outgoing, stored = [], None
    for tables in deliveries:
        messages = [encode_rows(METRICS, table) for table in tables]
        pipeline = InferPipeline(rules, open_artifacts(), ManualClock())
        pipeline.restore(stored, {})
        outgoing += pipeline.step(_received(METRICS_TOPIC, messages)).outgoing
        stored = pipeline.snapshot()
    return outcome_of(RECONERR, [message for topic, message in outgoing if topic == RECONERR_TOPIC])


def _received(topic: str, messages: Sequence[Message]) -> list[Received]:
    return [Received(topic, str(number), message, 0) for number, message in enumerate(messages)]
