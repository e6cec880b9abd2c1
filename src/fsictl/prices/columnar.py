"""Parquet files of prices, a batch of rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fsictl.errors import InputError
from fsictl.prices.layout import find_columns, no_columns
from fsictl.prices.rows import Reading, RowBuilder, Rows, rejected, usable
from fsictl.prices.times import to_utc
from fsictl.records.message import Reject
from fsictl.records.ticks import IntArray, Ticks

_BATCH_ROWS = 50_000
_PER_MS = {"ms": 1, "us": 1_000, "ns": 1_000_000}


def read_parquet(path: Path, reading: Reading, columns: tuple[str, ...]) -> Iterator[tuple[Ticks, list[Reject]]]:
    """The ticks of a Parquet file with these columns (see ``parquet_columns``), and its rows that are none.

    A reject's bytes are the row as JSON, its origin ``file:row`` counted from 1.
    """
    import pyarrow as pa
    from pyarrow import parquet

    before = 0
    try:
        with parquet.ParquetFile(path) as file:
            names = [name for name, column in zip(file.schema_arrow.names, columns, strict=True) if column]
            meanings = [column for column in columns if column]
            for batch in file.iter_batches(_BATCH_ROWS, columns=names):
                if len(batch):
                    table = pa.Table.from_batches([batch]).select(names).rename_columns(meanings)
                    yield _ticks_of(_plain(table, reading), reading, path.name, before)
                    before += len(table)
    except (pa.ArrowException, *_UNREADABLE) as error:
        message = f"{path} cannot be read as Parquet: {_first_line(error)}"
        raise InputError(message, hint="The file may be damaged or cut off; make or fetch it again.") from error


def parquet_columns(path: Path) -> tuple[str, ...]:
    """What each column of a Parquet file is; raises ``InputError`` when it has no prices."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowException, *_UNREADABLE) as error:
        message = f"{path} cannot be read as Parquet: {_first_line(error)}"
        raise InputError(message, hint="The file may be damaged or cut off; make or fetch it again.") from error
    if len(set(schema.names)) < len(schema.names):
        message = f"{path} has two columns of one name"
        raise InputError(message, hint="Rename one of them.")
    columns = find_columns(schema.names)
    if columns is None:
        raise no_columns(str(path), schema.names)
    return columns


_UNREADABLE = (OSError, ValueError, KeyError, TypeError, IndexError, OverflowError)
"""What pyarrow also raises on damaged files: names that are not UTF-8, types that do not exist, …"""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _ticks_of(table: Any, reading: Reading, name: str, before: int) -> tuple[Ticks, list[Reject]]:
    rows = _rows_at_once(table, reading)
    problems = []
    if rows is None:
        builder = RowBuilder(reading)
        for number, fields in enumerate(table.to_pylist()):
            builder.add(number, fields)
        rows, problems = builder.build(), builder.problems
    ticks, unusable = usable(rows)
    return ticks, rejected(
        problems + unusable,
        lambda row: json.dumps(table.slice(row, 1).to_pylist()[0], default=str).encode(),
        lambda row: f"{name}:{before + row + 1}",
    )


def _plain(table: Any, reading: Reading) -> Any:
    """The same rows with times as integer milliseconds in UTC, text as strings and numbers as float64."""
    import pyarrow as pa

    kinds = pa.types
    for place, field in enumerate(table.schema):
        column, kind = table.column(place), field.type
        if kinds.is_timestamp(kind):
            column = pa.array(_utc_ms(column, reading), mask=column.is_null().to_numpy())
        elif field.name == "symbol" and (kinds.is_dictionary(kind) or kinds.is_large_string(kind)):
            column = column.cast(pa.string())
        elif field.name != "timestamp" and (kinds.is_integer(kind) or kinds.is_floating(kind)):
            column = column.cast(pa.float64(), safe=False)
        table = table.set_column(place, field.name, column)
    table.validate(full=True)
    return table.combine_chunks()


def _utc_ms(column: Any, reading: Reading) -> IntArray:
    import pyarrow as pa

    kind = column.type
    raw: IntArray = column.cast(pa.int64()).fill_null(0).to_numpy()
    raw = np.clip(raw, -(2**53), 2**53) * 1000 if kind.unit == "s" else raw // _PER_MS[kind.unit]
    return to_utc(raw, reading.zone) if kind.tz is None else raw


def _rows_at_once(table: Any, reading: Reading) -> Rows | None:
    """The rows of a batch with the plain types and no nulls; ``None`` for others."""
    import pyarrow as pa

    prices = ["value"] if "value" in table.column_names else ["bid", "ask"]
    expected = {"symbol": pa.string(), "timestamp": pa.int64()} | dict.fromkeys(prices, pa.float64())
    if any(field.type != expected[field.name] or table.column(field.name).null_count for field in table.schema):
        return None
    symbols: tuple[str, ...] = (reading.symbol,)
    code = np.zeros(len(table), np.int32)
    if "symbol" in table.column_names:
        encoded = table.column("symbol").chunk(0).dictionary_encode()
        symbols, code = tuple(encoded.dictionary.to_pylist()), encoded.indices.to_numpy().astype(np.int32)
    first, *ask = (table.column(price).to_numpy() for price in prices)
    timestamp = table.column("timestamp").to_numpy()
    return Rows(np.arange(len(table)), symbols, code, timestamp, first, ask[0] if ask else None)
