"""The pipeline that writes every topic of rows to its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fsictl.clock import Clock
from fsictl.records.arrow import ticks_to_table
from fsictl.records.encoding import decode_rows, decode_ticks
from fsictl.records.message import Received
from fsictl.records.schemas import PRICES_TOPIC, TOPIC_SCHEMAS
from fsictl.streams.pipeline import Result, dead_letters

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
            if topic == PRICES_TOPIC:
                decoded_ticks = decode_ticks(of_topic)
                table, rejects = ticks_to_table(decoded_ticks.ticks), decoded_ticks.rejects
            else:
                decoded_rows = decode_rows(schema, of_topic)
                table, rejects = decoded_rows.table, decoded_rows.rejects
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
