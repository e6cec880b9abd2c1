"""The pipeline that writes every topic of rows to its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fsictl.clock import Clock
from fsictl.records.arrow import ticks_to_table
from fsictl.records.encoding import decode_rows, decode_ticks
from fsictl.records.message import Received, Reject
from fsictl.records.schemas import PRICES_TOPIC, TOPIC_SCHEMAS
from fsictl.streams.pipeline import Result, dead_letters

if TYPE_CHECKING:
    import pyarrow as pa

SINK = "sink"


class SinkPipeline:
    """``prices``, ``metrics`` and ``reconerr`` to the tables of the same names; it keeps no state."""

    name = SINK
    inputs = tuple(TOPIC_SCHEMAS)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[str, int] = dict.fromkeys(self.inputs, 0)
        self._rejected = 0

    def restore(self, state: bytes | None, counters: Mapping[str, int]) -> None:
        self._rows = {topic: counters.get(topic, 0) for topic in self.inputs}
        self._rejected = counters.get("rejected", 0)

    def step(self, received: Sequence[Received]) -> Result:
        result = Result(urgent=bool(received))
        for topic, schema in TOPIC_SCHEMAS.items():
            of_topic = [item for item in received if item.topic == topic]
            if not of_topic:
                continue
            table, rejects = decode_topic(topic, of_topic)
            if table.num_rows:
                result.rows[schema.name] = table
                self._rows[topic] += table.num_rows
            self._rejected += len(rejects)
            result.outgoing += dead_letters(rejects, self._clock.now_ms())
        return result

    def snapshot(self) -> bytes | None:
        return None

    def counters(self) -> Mapping[str, int]:
        return {**self._rows, "rejected": self._rejected}


def decode_topic(topic: str, received: list[Received]) -> tuple[pa.Table, tuple[Reject, ...]]:
    """Messages of a topic as rows of its table, and what was none."""
    if topic == PRICES_TOPIC:
        ticks = decode_ticks(received)
        return ticks_to_table(ticks.ticks), ticks.rejects
    rows = decode_rows(TOPIC_SCHEMAS[topic], received)
    return rows.table, rows.rejects
