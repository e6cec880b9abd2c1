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
from fsictl.records.ticks import Ticks

_BATCH_ROWS = 50_000


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
                table = pa.Table.from_batches([batch]).select(names).rename_columns(meanings).combine_chunks()
                yield _ticks_of(table, reading, f"{path.name}", before)
                before += len(table)
    except (pa.ArrowException, OSError) as error:
        message = f"{path} cannot be read as Parquet: {_first_line(error)}"
        raise InputError(message, hint="The file may be damaged or cut off; make or fetch it again.") from error


def parquet_columns(path: Path) -> tuple[str, ...]:
    """What each column of a Parquet file is; raises ``InputError`` when it has no prices."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        message = f"{path} cannot be read as Parquet: {_first_line(error)}"
        raise InputError(message, hint="The file may be damaged or cut off; make or fetch it again.") from error
    if len(set(schema.names)) < len(schema.names):
        message = f"{path} has two columns of one name"
        raise InputError(message, hint="Rename one of them.")
    columns = find_columns(schema.names)
    if columns is None:
        raise no_columns(str(path), schema.names)
    return columns


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


def _rows_at_once(table: Any, reading: Reading) -> Rows | None:
    """The rows of a batch whose columns have the types one would choose and no nulls; ``None`` for others."""
    import pyarrow as pa

    if any(column.null_count for column in table.columns) or not len(table):
        return None
    prices = ["value"] if "value" in table.column_names else ["bid", "ask"]
    kind = table.schema.field("timestamp").type
    if not all(pa.types.is_float64(table.schema.field(price).type) for price in prices):
        return None
    if not (pa.types.is_int64(kind) or pa.types.is_timestamp(kind)):
        return None
    timestamp = table.column("timestamp").cast(pa.int64()).to_numpy()
    if pa.types.is_timestamp(kind):
        per_second = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[kind.unit]
        timestamp = timestamp * 1000 if per_second == 1 else timestamp // (per_second // 1000)
        if kind.tz is None:
            timestamp = to_utc(timestamp, reading.zone)
    symbols: tuple[str, ...] = (reading.symbol,)
    code = np.zeros(len(table), np.int32)
    if "symbol" in table.column_names:
        if not pa.types.is_string(table.schema.field("symbol").type):
            return None
        encoded = table.column("symbol").chunk(0).dictionary_encode()
        symbols, code = tuple(encoded.dictionary.to_pylist()), encoded.indices.to_numpy().astype(np.int32)
    first, *ask = (table.column(price).to_numpy() for price in prices)
    return Rows(np.arange(len(table)), symbols, code, timestamp, first, ask[0] if ask else None)
