from __future__ import annotations

import pyarrow as pa
from tests.model.market import metrics_table

from fsictl.clock import ManualClock
from fsictl.records.encoding import encode_end_of_input, encode_rows, encode_ticks
from fsictl.records.message import Message, Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC, METRICS
from fsictl.records.ticks import Ticks
from fsictl.streams.sink import SinkPipeline


def test_every_topic_goes_to_its_table_and_what_is_unreadable_to_the_dead_letters() -> None:
    sink = SinkPipeline(ManualClock())
    result = sink.step(
        [
            Received("prices", "1", encode_ticks(Ticks.of(["A", "B"], [1, 2], [1.0, 2.0])), 0),
            Received("metrics", "1", Message(b"nothing", {"timestamp": "1", "symbol": "A"}), 0),
            Received("prices", "2", encode_end_of_input(2), 0),
        ]
    )
    assert {table: rows.num_rows for table, rows in result.rows.items()} == {"prices": 2}
    assert [(topic, message.attributes["origin"]) for topic, message in result.outgoing] == [
        (DEAD_LETTER_TOPIC, "metrics/1")
    ]
    assert sink.counters() == {"prices": 2, "metrics": 0, "reconerr": 0, "rejected": 1}


def test_rows_that_no_table_takes_become_dead_letters() -> None:
    rows = metrics_table(rows=400)
    at = rows.column_names.index("STANDARD_DEVIATION")
    broken = rows.set_column(at, rows.schema.field(at), pa.array([float("nan")] * rows.num_rows))
    sink = SinkPipeline(ManualClock())
    result = sink.step(
        [Received("metrics", str(n), encode_rows(METRICS, table), 0) for n, table in ((1, rows), (2, broken))]
    )
    assert result.rows["metrics"].num_rows == 400
    ((_, letter),) = result.outgoing
    assert letter.attributes["origin"] == "metrics/2"
    assert "STANDARD_DEVIATION is not a number" in letter.attributes["detail"]


def test_totals_go_on_after_a_restart() -> None:
    sink = SinkPipeline(ManualClock())
    sink.restore(None, {"prices": 5, "rejected": 1})
    sink.step([Received("prices", "1", encode_ticks(Ticks.of(["A"], [1], [1.0])), 0)])
    assert sink.counters() == {"prices": 6, "metrics": 0, "reconerr": 0, "rejected": 1}
