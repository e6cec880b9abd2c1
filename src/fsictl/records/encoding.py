"""Messages to columns and back: Arrow batches are what we send, JSON is what we also understand.

Decoding never raises on what came from outside: it returns the good rows and a
:class:`~fsictl.records.message.Reject` for everything else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from fsictl.errors import InputError
from fsictl.records.arrow import arrow_schema, ticks_of_table, ticks_to_table
from fsictl.records.conform import conform
from fsictl.records.json_ticks import JsonTicks, integer_of
from fsictl.records.message import CONTENT_TYPE, Message, Received, Reject
from fsictl.records.moments import milliseconds_of
from fsictl.records.schemas import PRICES, Kind, Schema
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SYMBOL_PATTERN, Ticks
from fsictl.records.validation import validate_ticks

MANY_SYMBOLS = "*"
"""The ``symbol`` attribute of a message that carries rows of more than one symbol."""

ROWS_PER_MESSAGE = 5_000
"""Most rows that our own pipelines put into one message."""

_ARROW_ERRORS = (pa.ArrowException, ValueError, KeyError, TypeError, OSError, IndexError, OverflowError)


def arrow_content_type(schema: Schema) -> str:
    """The content type of an Arrow batch of that table; the number is the version of the encoding."""
    return f"application/vnd.fsictl.{schema.name}.v1+arrow"


def _serialise(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def encode_rows(schema: Schema, table: pa.Table) -> Message:
    """One message with all rows of ``table`` (at least one) as an Arrow IPC stream.

    Its attribute ``timestamp`` is the oldest event time in it, so that a watermark that is made of such attributes
    (Pub/Sub's, any Beam runner's) never passes a row that is still on its way.
    """
    symbols = table.column("symbol").unique().to_pylist()
    oldest = pa.compute.min(table.column("timestamp")).as_py()
    attributes = {
        "timestamp": str(oldest),
        "symbol": symbols[0] if len(symbols) == 1 else MANY_SYMBOLS,
        CONTENT_TYPE: arrow_content_type(schema),
    }
    return Message(_serialise(table), attributes)


def encode_all_rows(schema: Schema, table: pa.Table, rows: int = ROWS_PER_MESSAGE) -> Iterator[Message]:
    """Messages of at most ``rows`` rows each, in the order of the table; none for an empty one."""
    for start in range(0, table.num_rows, rows):
        yield encode_rows(schema, table.slice(start, rows))


def encode_ticks(ticks: Ticks) -> Message:
    """One message with all ticks (at least one)."""
    return encode_rows(PRICES, ticks_to_table(ticks))


END_OF_INPUT = "application/vnd.fsictl.end.v1"
"""The content type of the message by which a bounded source says that it has ended; it has no data."""


def encode_end_of_input(timestamp_ms: int) -> Message:
    """A source ends: no tick with an event time up to ``timestamp_ms`` will follow, so every second may close."""
    return Message(b"", {"timestamp": str(timestamp_ms), "symbol": MANY_SYMBOLS, CONTENT_TYPE: END_OF_INPUT})


@dataclass(frozen=True, slots=True)
class DecodedTicks:
    """The usable ticks of some messages in order of arrival, and what was not usable.

    ``ended_ms`` is the event time at which a bounded source said that it ended, if one did.
    """

    ticks: Ticks
    rejects: tuple[Reject, ...]
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DecodedRows:
    """The usable rows of some messages in order of arrival, and what was not usable."""

    table: pa.Table
    rejects: tuple[Reject, ...]


def decode_ticks(received: list[Received]) -> DecodedTicks:
    """The ticks of messages from the topic ``prices``, whatever their encoding."""
    parts: list[Ticks] = []
    rejects: list[Reject] = []
    json_run = JsonTicks()
    ended_ms: int | None = None
    for item in received:
        content_type = item.message.attributes.get(CONTENT_TYPE)
        if content_type == arrow_content_type(PRICES):
            parts += json_run.take()
            _decode_arrow_ticks(item, parts, rejects)
        elif content_type == END_OF_INPUT:
            said_ms = integer_of(item.message.attributes.get("timestamp"))
            if said_ms is None or not 0 <= said_ms <= MAX_TIMESTAMP_MS:
                rejects.append(_malformed(item, "the end of a source without a time in milliseconds since 1970"))
                continue
            ended_ms = max(ended_ms or 0, said_ms)
        else:
            json_run.add(item, rejects)
    parts += json_run.take()
    return DecodedTicks(Ticks.concat(parts), tuple(rejects), ended_ms)


def _malformed(item: Received, detail: str) -> Reject:
    attributes = item.message.attributes
    return Reject("malformed", detail, item.message.data, item.origin, attributes.get(CONTENT_TYPE), attributes)


def _read_arrow(item: Received, schema: Schema) -> pa.Table:
    table = pa.ipc.open_stream(item.message.data).read_all()
    table.validate(full=True)
    return table.select(list(schema.names)).cast(arrow_schema(schema))


def _decode_arrow_ticks(item: Received, parts: list[Ticks], rejects: list[Reject]) -> None:
    try:
        table = _read_arrow(item, PRICES)
        ticks = ticks_of_table(table)
    except _ARROW_ERRORS as error:
        rejects.append(_malformed(item, f"not an Arrow batch of prices: {error}"))
        return
    good, bad = validate_ticks(ticks, item.origin)
    parts.append(good)
    rejects += bad


def decode_rows(schema: Schema, received: list[Received]) -> DecodedRows:
    """The rows of messages from a topic of computed rows (``metrics``, ``reconerr``)."""
    tables: list[pa.Table] = []
    rejects: list[Reject] = []
    for item in received:
        try:
            if item.message.attributes.get(CONTENT_TYPE) == arrow_content_type(schema):
                table = _read_arrow(item, schema)
            else:
                table = _read_json_rows(item, schema)
            table = conform(schema, table)
            _check_rows(schema, table)
        except (*_ARROW_ERRORS, InputError, RecursionError) as error:
            rejects.append(_malformed(item, f"not rows of {schema.name}: {error}"))
            continue
        tables.append(table)
    joined = pa.concat_tables(tables) if tables else arrow_schema(schema).empty_table()
    return DecodedRows(joined, tuple(rejects))


def _check_rows(schema: Schema, rows: pa.Table) -> None:
    """Raise ``ValueError`` unless symbols and times are some that this program can show."""
    for field in schema.fields:
        column = rows.column(field.name)
        if field.name == "symbol":
            odd = [one for one in column.unique().to_pylist() if SYMBOL_PATTERN.fullmatch(one or "") is None]
            if odd:
                message = f"the symbol {odd[0][:40]!r} is not 1 to 32 characters of A-Z a-z 0-9 . _ - /"
                raise ValueError(message)
        elif field.kind is Kind.TIMESTAMP and rows.num_rows:
            first, last = pa.compute.min(column).as_py(), pa.compute.max(column).as_py()
            if first is not None and not 0 <= first <= last <= MAX_TIMESTAMP_MS:
                message = f"{field.name} is not a time in milliseconds since 1970"
                raise ValueError(message)


def _read_json_rows(item: Received, schema: Schema) -> pa.Table:
    body = json.loads(item.message.data)
    rows = body if isinstance(body, list) else [body]
    if not all(isinstance(row, dict) for row in rows):
        message = "not a JSON object"
        raise TypeError(message)
    columns = {
        field.name: pa.array(
            [_json_value(row.get(field.name), field.kind) for row in rows],
            arrow_schema(schema).field(field.name).type,
        )
        for field in schema.fields
    }
    return pa.table(columns, schema=arrow_schema(schema))


def _json_value(value: Any, kind: Kind) -> Any:
    if kind is Kind.TIMESTAMP:
        return milliseconds_of(value)
    if kind is Kind.TEXT and isinstance(value, dict):
        return json.dumps(value)
    return float(value) if kind is Kind.FLOAT and isinstance(value, int) and not isinstance(value, bool) else value
