"""Pub/Sub's messages to ours and back, as the Beam pipelines see them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.utils.timestamp import Timestamp
from tests.model.market import metrics_table

from fsictl.backends.gcp.beam import AsPublished, AsReceived, OneRowEach, kept_steps
from fsictl.backends.gcp.message_ids import message_id
from fsictl.clock import ManualClock
from fsictl.records.arrow import ticks_to_table
from fsictl.records.encoding import decode_rows, decode_ticks, encode_rows, encode_ticks
from fsictl.records.message import Message, Received
from fsictl.records.schemas import METRICS, PRICES
from fsictl.records.ticks import Ticks

TICKS = Ticks.of(["A", "B"], [1_000, 2_500], [1.25, 0.1], [0, 3])
MOMENT = Timestamp(micros=1_700_000_000_123_456)


def received(message: PubsubMessage) -> Received:
    (one,) = AsReceived("prices", ManualClock(77)).process(message, MOMENT)
    return one


def test_a_message_comes_as_it_was_published() -> None:
    message = encode_ticks(TICKS)
    (published,) = AsPublished().process(message)
    published.message_id, published.publish_time = "77", SimpleNamespace(timestamp=lambda: 12.5)
    assert received(published) == Received("prices", "77", message, 12_500)
    assert published.attributes["message-id"] == message_id(message)


def test_an_attribute_that_the_runner_kept_for_itself_is_event_time() -> None:
    one = received(PubsubMessage(b'{"symbol":"A","value":1.5}', {"symbol": "A"}))
    assert one.message.attributes["timestamp"] == "1700000000123"
    assert decode_ticks([one]).ticks.timestamp.tolist() == [1_700_000_000_123]


def test_a_message_without_data_is_one() -> None:
    one = received(PubsubMessage(None, {"symbol": "A"}))
    assert (one.message.data, one.id, one.published_ms) == (b"", "", 77)
    assert len(decode_ticks([one]).rejects) == 1


@pytest.mark.parametrize("rows", [1, 7])
def test_rows_travel_alone_and_come_back_equal(rows: int) -> None:
    table = metrics_table("EURUSD", rows=rows)
    messages = list(OneRowEach(METRICS).process(encode_rows(METRICS, table)))
    assert len(messages) == rows
    back = decode_rows(METRICS, [Received("metrics", str(n), one, 0) for n, one in enumerate(messages)])
    assert back.rejects == ()
    assert back.table.combine_chunks().equals(table.combine_chunks())


def test_ticks_travel_alone_and_come_back_equal() -> None:
    messages = list(OneRowEach(PRICES).process(encode_ticks(TICKS)))
    assert messages[1].attributes == {"timestamp": "2500", "symbol": "B"}
    back = decode_ticks([Received("prices", str(n), one, 0) for n, one in enumerate(messages)])
    assert back.rejects == ()
    assert ticks_to_table(back.ticks).equals(ticks_to_table(TICKS))


def test_event_time_is_written_as_bigquery_reads_it() -> None:
    message, _ = OneRowEach(PRICES).process(encode_ticks(TICKS))
    assert json.loads(message.data) == {
        "symbol": "A",
        "timestamp": "1970-01-01T00:00:01.000Z",
        "sequence": 0,
        "value": 1.25,
    }


def test_what_has_no_rows_travels_as_it_is() -> None:
    strange = Message(b"{not json", {"timestamp": "1", "symbol": "A"})
    assert list(OneRowEach(METRICS).process(strange)) == [strange]


def test_a_graph_without_state_keeps_groups_only() -> None:
    pipeline = beam.Pipeline(options=PipelineOptions([]))
    pipeline | beam.Create([(1, 2)]) | "Group" >> beam.GroupByKey() | "Write" >> beam.Map(print)
    graph = pipeline.to_runner_api()
    assert isinstance(graph, beam_runner_api_pb2.Pipeline)
    assert kept_steps(graph) == {"Group": "groups"}
