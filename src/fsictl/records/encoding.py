"""Messages to columns and back: Arrow batches are what we send, JSON is what we also understand.

Decoding never raises on what came from outside: it returns the good rows and a
:class:`~fsictl.records.message.Reject` for everything else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fsictl.records.arrow import arrow_schema, ticks_of_table, ticks_to_table
from fsictl.records.message import CONTENT_TYPE, Message, Received, Reject
from fsictl.records.schemas import PRICES, Kind, Schema
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SYMBOL_PATTERN, Ticks

MANY_SYMBOLS = "*"
"""The ``symbol`` attribute of a message that carries rows of more than one symbol."""

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
    """One message with all rows of ``table`` (at least one) as an Arrow IPC stream."""
    symbols = table.column("symbol").unique().to_pylist()
    newest = pa.compute.max(table.column("timestamp")).as_py()
    attributes = {
        "timestamp": str(newest),
        "symbol": symbols[0] if len(symbols) == 1 else MANY_SYMBOLS,
        CONTENT_TYPE: arrow_content_type(schema),
    }
    return Message(_serialise(table), attributes)


def encode_ticks(ticks: Ticks) -> Message:
    """One message with all ticks (at least one)."""
    return encode_rows(PRICES, ticks_to_table(ticks))


@dataclass(frozen=True, slots=True)
class DecodedTicks:
    """The usable ticks of some messages in order of arrival, and what was not usable."""

    ticks: Ticks
    rejects: tuple[Reject, ...]


@dataclass(frozen=True, slots=True)
class DecodedRows:
    """The usable rows of some messages in order of arrival, and what was not usable."""

    table: pa.Table
    rejects: tuple[Reject, ...]


def decode_ticks(received: list[Received]) -> DecodedTicks:
    """The ticks of messages from the topic ``prices``, whatever their encoding."""
    parts: list[Ticks] = []
    rejects: list[Reject] = []
    json_run = _JsonTicks()
    for item in received:
        if item.message.attributes.get(CONTENT_TYPE) == arrow_content_type(PRICES):
            parts += json_run.take()
            _decode_arrow_ticks(item, parts, rejects)
        else:
            json_run.add(item, rejects)
    parts += json_run.take()
    return DecodedTicks(Ticks.concat(parts), tuple(rejects))


def _origin(item: Received) -> str:
    return f"{item.topic}/{item.id}"


def _read_arrow(item: Received, schema: Schema) -> pa.Table:
    table = pa.ipc.open_stream(item.message.data).read_all()
    table.validate(full=True)
    return table.select(list(schema.names)).cast(arrow_schema(schema))


def _decode_arrow_ticks(item: Received, parts: list[Ticks], rejects: list[Reject]) -> None:
    try:
        table = _read_arrow(item, PRICES)
        ticks = ticks_of_table(table)
    except _ARROW_ERRORS as error:
        rejects.append(Reject("malformed", f"not an Arrow batch of prices: {error}", item.message.data, _origin(item)))
        return
    good, bad = validate_ticks(ticks, _origin(item))
    parts.append(good)
    rejects += bad


def validate_ticks(ticks: Ticks, origin: str) -> tuple[Ticks, list[Reject]]:
    """The ticks that follow the rules of the spec, and a reject for every other one.

    >>> good, bad = validate_ticks(Ticks.of(["A", "A"], [1, 2], [1.5, float("nan")]), "prices/1")
    >>> good.value.tolist(), [reject.reason for reject in bad]
    ([1.5], ['bad-value'])
    """
    known = np.array([SYMBOL_PATTERN.fullmatch(s or "") is not None for s in ticks.symbols], bool)
    symbol_ok: npt.NDArray[np.bool_] = known[ticks.code] if len(ticks) else np.zeros(0, bool)
    value_ok = np.isfinite(ticks.value) & (ticks.value > 0)
    time_ok = (ticks.timestamp >= 0) & (ticks.timestamp <= MAX_TIMESTAMP_MS)
    good = symbol_ok & value_ok & time_ok
    if good.all():
        return ticks, []
    rejects = []
    for index in np.flatnonzero(~good).tolist():
        symbol, value = ticks.symbol_of(index), float(ticks.value[index])
        timestamp = int(ticks.timestamp[index])
        data = json.dumps({"symbol": symbol, "timestamp": timestamp, "value": repr(value)}).encode()
        reject = check_tick(symbol, timestamp, value) or ("malformed", "not a tick")
        rejects.append(Reject(reject[0], reject[1], data, f"{origin}[{index}]"))
    return ticks.take(good), rejects


def check_tick(symbol: object, timestamp: object, value: object) -> tuple[str, str] | None:
    """Why these three do not make a tick, as (reason, detail); ``None`` when they do.

    >>> check_tick("EURUSD", 1_577_836_800_000, 1.12) is None
    True
    >>> check_tick("EURUSD", 1_577_836_800_000, -1.0)
    ('bad-value', 'the value -1.0 is not a finite number above zero')
    """
    if not isinstance(symbol, str) or SYMBOL_PATTERN.fullmatch(symbol) is None:
        return "bad-symbol", f"the symbol {symbol!r} is not 1 to 32 characters of A-Z a-z 0-9 . _ - /"
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 <= timestamp <= MAX_TIMESTAMP_MS:
        return "bad-timestamp", f"the timestamp {timestamp!r} is not a time in milliseconds since 1970"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "bad-value", f"the value {value!r} is not a number"
    try:
        as_float = float(value)
    except OverflowError:
        return "bad-value", "the value is too large for a number"
    if not math.isfinite(as_float) or as_float <= 0:
        return "bad-value", f"the value {value!r} is not a finite number above zero"
    return None


class _JsonTicks:
    """A run of JSON messages, gathered so that a thousand of them make one block of columns."""

    def __init__(self) -> None:
        self._symbols: list[str] = []
        self._timestamps: list[int] = []
        self._values: list[float] = []
        self._sequence: list[int] = []

    def add(self, item: Received, rejects: list[Reject]) -> None:
        try:
            body = json.loads(item.message.data)
        except (ValueError, RecursionError) as error:
            rejects.append(Reject("malformed", f"not JSON: {error}", item.message.data, _origin(item)))
            return
        bodies = body if isinstance(body, list) else [body]
        for index, one in enumerate(bodies):
            problem = self._add_one(one, item.message.attributes)
            if problem is not None:
                data = item.message.data if len(bodies) == 1 else json.dumps(one).encode()
                where = _origin(item) if len(bodies) == 1 else f"{_origin(item)}[{index}]"
                rejects.append(Reject(problem[0], problem[1], data, where))

    def _add_one(self, body: Any, attributes: Mapping[str, str]) -> tuple[str, str] | None:
        if not isinstance(body, dict):
            return "malformed", "not a JSON object with symbol and value"
        symbol: Any = body.get("symbol", attributes.get("symbol"))
        timestamp: Any = body.get("timestamp", _integer(attributes.get("timestamp")))
        value: Any = body.get("value")
        sequence: Any = body.get("sequence", 0)
        problem = check_tick(symbol, timestamp, value)
        if problem is not None:
            return problem
        if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence < 2**31:
            return "malformed", f"the sequence {sequence!r} is not a small whole number"
        self._symbols.append(symbol)
        self._timestamps.append(timestamp)
        self._values.append(float(value))
        self._sequence.append(sequence)
        return None

    def take(self) -> list[Ticks]:
        """What was gathered since the last time, in order of arrival."""
        if not self._symbols:
            return []
        ticks = Ticks.of(self._symbols, self._timestamps, self._values, self._sequence)
        self.__init__()  # type: ignore[misc]
        return [ticks]


def _integer(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


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
        except (*_ARROW_ERRORS, RecursionError) as error:
            rejects.append(Reject("malformed", f"not rows of {schema.name}: {error}", item.message.data, _origin(item)))
            continue
        tables.append(table)
    joined = pa.concat_tables(tables) if tables else arrow_schema(schema).empty_table()
    return DecodedRows(joined, tuple(rejects))


def _read_json_rows(item: Received, schema: Schema) -> pa.Table:
    body = json.loads(item.message.data)
    rows = body if isinstance(body, list) else [body]
    columns = {
        field.name: pa.array(
            [_json_value(row.get(field.name), field.kind) for row in rows],
            arrow_schema(schema).field(field.name).type,
        )
        for field in schema.fields
    }
    table = pa.table(columns, schema=arrow_schema(schema))
    for field in schema.fields:
        if not field.nullable and table.column(field.name).null_count:
            message = f"{field.name} is missing"
            raise ValueError(message)
    return table


def _json_value(value: Any, kind: Kind) -> Any:
    return float(value) if kind is Kind.FLOAT and isinstance(value, int) and not isinstance(value, bool) else value
