from __future__ import annotations

import json
import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsictl.records.arrow import empty_table, table_of, ticks_of_table, ticks_to_table
from fsictl.records.encoding import (
    MANY_SYMBOLS,
    arrow_content_type,
    decode_rows,
    decode_ticks,
    encode_end_of_input,
    encode_rows,
    encode_ticks,
)
from fsictl.records.message import CONTENT_TYPE, Message, Received
from fsictl.records.schemas import PRICES, RECONERR, TABLES, Kind
from fsictl.records.ticks import MAX_TIMESTAMP_MS, Ticks

_SYMBOLS = st.text("ABCZabcz019._-/", min_size=1, max_size=32)
_TIMES = st.integers(0, MAX_TIMESTAMP_MS)
_PRICES = st.floats(min_value=1e-300, max_value=1e300)
_TICKS = st.lists(st.tuples(_SYMBOLS, _TIMES, _PRICES, st.integers(0, 9)), min_size=1, max_size=20).map(
    lambda rows: Ticks.of([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows])
)


def _received(message: Message, number: int = 1) -> Received:
    return Received("prices", str(number), message, 0)


def _rows(ticks: Ticks) -> list[tuple[str, int, float, int]]:
    return [
        (ticks.symbol_of(i), int(ticks.timestamp[i]), float(ticks.value[i]), int(ticks.sequence[i]))
        for i in range(len(ticks))
    ]


@given(_TICKS)
def test_ticks_come_back_as_they_were_sent(ticks: Ticks) -> None:
    message = encode_ticks(ticks)
    decoded = decode_ticks([_received(message)])
    assert _rows(decoded.ticks) == _rows(ticks)
    assert not decoded.rejects
    assert message.attributes["timestamp"] == str(ticks.timestamp.min())
    assert message.attributes["symbol"] == (ticks.symbols[0] if len(ticks.symbols) == 1 else MANY_SYMBOLS)
    assert _rows(ticks_of_table(ticks_to_table(ticks))) == _rows(ticks)


@given(_TICKS)
def test_one_tick_a_json_message_is_understood(ticks: Ticks) -> None:
    messages = [
        Message(json.dumps({"symbol": s, "value": v}).encode(), {"timestamp": str(t), "symbol": s})
        for s, t, v, _ in _rows(ticks)
    ]
    decoded = decode_ticks([_received(message, i) for i, message in enumerate(messages)])
    assert [row[:3] for row in _rows(decoded.ticks)] == [row[:3] for row in _rows(ticks)]


def test_order_of_arrival_is_kept_across_encodings() -> None:
    arrow = encode_ticks(Ticks.of(["A"], [1], [1.0]))
    plain = Message(b'{"symbol": "A", "value": 2}', {"timestamp": "1", "symbol": "A"})
    decoded = decode_ticks([_received(one, i) for i, one in enumerate([plain, arrow, plain, plain, arrow])])
    assert decoded.ticks.value.tolist() == [2.0, 1.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("body", "timestamp", "reason"),
    [
        ('{"symbol": "A", "value": 1', "1", "malformed"),
        ("[1, 2]", "1", "malformed"),
        ('"text"', "1", "malformed"),
        ('{"symbol": "A", "value": NaN}', "1", "bad-value"),
        ('{"symbol": "A", "value": Infinity}', "1", "bad-value"),
        ('{"symbol": "A", "value": 0}', "1", "bad-value"),
        ('{"symbol": "A", "value": -1.5}', "1", "bad-value"),
        ('{"symbol": "A", "value": "1.5"}', "1", "bad-value"),
        ('{"symbol": "A", "value": true}', "1", "bad-value"),
        ('{"symbol": "A"}', "1", "bad-value"),
        ('{"symbol": "A", "value": 1' + "0" * 400 + "}", "1", "bad-value"),
        ('{"symbol": "A B", "value": 1}', "1", "bad-symbol"),
        ('{"symbol": "", "value": 1}', "1", "bad-symbol"),
        ('{"symbol": "A", "value": 1}', "yesterday", "bad-timestamp"),
        ('{"symbol": "A", "value": 1}', "-1", "bad-timestamp"),
        ('{"symbol": "A", "timestamp": 1.5, "value": 1}', "1", "bad-timestamp"),
    ],
)
def test_what_is_not_a_tick_is_kept_with_its_reason(body: str, timestamp: str, reason: str) -> None:
    good = encode_ticks(Ticks.of(["A"], [1], [1.0]))
    bad = Message(body.encode(), {"timestamp": timestamp, "symbol": "A"})
    decoded = decode_ticks([_received(good, 1), _received(bad, 2), _received(good, 3)])
    assert len(decoded.ticks) == 2
    assert {reject.reason for reject in decoded.rejects} == {reason}
    assert decoded.rejects[0].origin.startswith("prices/2")
    if not body.startswith("["):
        assert decoded.rejects[0].data == body.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, -1.0])
def test_a_bad_value_inside_a_batch_costs_only_itself(value: float) -> None:
    decoded = decode_ticks([_received(encode_ticks(Ticks.of(["A", "B", "A"], [1, 2, 3], [1.0, value, 2.0])))])
    assert decoded.ticks.value.tolist() == [1.0, 2.0]
    assert [(reject.reason, reject.origin) for reject in decoded.rejects] == [("bad-value", "prices/1[1]")]


@given(st.binary(max_size=300), st.sampled_from([{}, {CONTENT_TYPE: arrow_content_type(PRICES)}]))
def test_no_bytes_make_decoding_fail(data: bytes, attributes: dict[str, str]) -> None:
    decoded = decode_ticks([_received(Message(data, {"timestamp": "1", "symbol": "A", **attributes}))])
    assert len(decoded.ticks) or decoded.rejects or data.strip() == b"[]"


@given(_TICKS, st.data())
def test_no_damage_to_a_batch_makes_decoding_fail(ticks: Ticks, data: st.DataObject) -> None:
    message = encode_ticks(ticks)
    damaged = bytearray(message.data)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    decode_ticks([_received(Message(bytes(damaged[:cut]), message.attributes))])


def test_the_end_of_input_is_told_and_is_no_tick() -> None:
    decoded = decode_ticks([_received(encode_end_of_input(5000)), _received(encode_end_of_input(4000))])
    assert (len(decoded.ticks), decoded.rejects, decoded.ended_ms) == (0, (), 5000)


def _verdicts() -> pa.Table:
    row = {field.name: None for field in RECONERR.fields} | {
        "symbol": "A",
        "timestamp": 999,
        "model_version": "v1",
        "rsi": 80.0,
        "side": "overbought",
        "gap_filled_fraction": 0.0,
        "unreliable": True,
    }
    return table_of(RECONERR, {name: [value] for name, value in row.items()})


def test_rows_come_back_as_they_were_sent_in_arrow_and_in_json() -> None:
    rows = _verdicts()
    as_json = Message(json.dumps(rows.to_pylist()[0]).encode(), {"timestamp": "999", "symbol": "A"})
    decoded = decode_rows(RECONERR, [_received(encode_rows(RECONERR, rows)), _received(as_json)])
    assert decoded.table.equals(pa.concat_tables([rows, rows]))
    assert not decoded.rejects


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[[]]", b'{"symbol": "A", "timestamp": "x"}', b"\xff"])
def test_rows_that_cannot_be_read_are_kept_with_their_reason(body: bytes) -> None:
    decoded = decode_rows(RECONERR, [_received(Message(body, {"timestamp": "1", "symbol": "A"}))])
    assert decoded.table.equals(empty_table(RECONERR))
    assert [(reject.reason, reject.data) for reject in decoded.rejects] == [("malformed", body)]


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": ""},
        {"symbol": "a b"},
        {"symbol": "A" * 33},
        {"timestamp": -5},
        {"timestamp": 2**62},
        {"rsi": math.nan},
    ],
    ids=str,
)
def test_rows_that_nobody_could_show_are_rejected(change: dict[str, object]) -> None:
    row = _verdicts().to_pylist()[0] | change
    attributes = {"timestamp": "1", "symbol": "A"}
    table = table_of(RECONERR, {name: [value] for name, value in row.items()})
    as_json = Message(json.dumps(row).encode(), attributes)
    decoded = decode_rows(RECONERR, [_received(encode_rows(RECONERR, table)), _received(as_json)])
    assert decoded.table.num_rows == 0
    assert [reject.reason for reject in decoded.rejects] == ["malformed", "malformed"]


def test_shares_may_be_a_json_object() -> None:
    row = _verdicts().to_pylist()[0] | {"feature_errors": {"rsi": 0.5}}
    decoded = decode_rows(RECONERR, [_received(Message(json.dumps(row).encode(), {}))])
    assert decoded.table["feature_errors"].to_pylist() == ['{"rsi": 0.5}']


def test_every_kind_of_column_has_an_arrow_type() -> None:
    assert {field.kind for schema in TABLES.values() for field in schema.fields} == set(Kind)
    for schema in TABLES.values():
        assert empty_table(schema).column_names == list(schema.names)
