"""Rows to write in tests."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from fsictl.records.arrow import arrow_schema
from fsictl.records.schemas import PRICES, Kind, Schema

T0 = 1_577_836_800_000
_SOME = {Kind.TEXT: "x", Kind.INTEGER: 1, Kind.FLOAT: 0.5, Kind.BOOLEAN: True, Kind.TIMESTAMP: T0}


def row(schema: Schema, **values: Any) -> dict[str, Any]:
    """A row with something in every column that must have a value."""
    default = {field.name: None if field.nullable else _SOME[field.kind] for field in schema.fields}
    return {**default, **values}


def rows_of(schema: Schema, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=arrow_schema(schema))


def prices(*ticks: tuple[str, int, float]) -> pa.Table:
    return rows_of(PRICES, [row(PRICES, symbol=s, timestamp=t, sequence=0, value=v) for s, t, v in ticks])
