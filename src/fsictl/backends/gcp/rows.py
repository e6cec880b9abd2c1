"""Messages that a BigQuery subscription can write: one row each, as JSON with the table's columns.

Pub/Sub puts the fields of a JSON object into the columns of the same names. It cannot unpack a batch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from fsictl.records.arrow import ticks_to_table
from fsictl.records.encoding import decode_rows, decode_ticks
from fsictl.records.message import Message, Received
from fsictl.records.moments import iso_of
from fsictl.records.schemas import PRICES, Kind, Schema


def one_row_messages(schema: Schema, message: Message) -> Iterator[Message]:
    """The rows of a message as messages of their own; one that has no rows of ``schema`` passes as it is."""
    received = [Received(schema.name, "", message, 0)]
    if schema is PRICES:
        ticks = decode_ticks(received)
        rejected, table = bool(ticks.rejects), ticks_to_table(ticks.ticks)
    else:
        rows = decode_rows(schema, received)
        rejected, table = bool(rows.rejects), rows.table
    if rejected or not table.num_rows:
        yield message
        return
    for row in table.to_pylist():
        known = {name: _written(schema, name, value) for name, value in row.items() if not _is_nothing(value)}
        attributes = {"timestamp": str(row["timestamp"]), "symbol": row["symbol"]}
        yield Message(json.dumps(known, separators=(",", ":")).encode(), attributes)


def _written(schema: Schema, name: str, value: Any) -> Any:
    """A value as Pub/Sub takes it for the column's type: a time as text, since numbers mean microseconds there."""
    return iso_of(value) if schema.field(name).kind is Kind.TIMESTAMP else value


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
