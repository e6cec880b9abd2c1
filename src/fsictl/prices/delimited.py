"""Lines of fields between delimiters, a block of lines at a time."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np

from fsictl.prices.layout import Layout
from fsictl.prices.rows import Problem, Reading, RowBuilder, Rows
from fsictl.prices.times import parse_times, to_utc


def parse_block(block: bytes, layout: Layout, reading: Reading) -> tuple[Rows, list[Problem]]:
    """The rows of a block of whole lines; a row's place is its line in the block, from 0.

    Blocks without a fault go through Arrow at once; the others line by line, with the same outcome.
    """
    rows = _parse_at_once(block, layout, reading)
    return (rows, []) if rows is not None else parse_lines(block, layout, reading)


def parse_lines(block: bytes, layout: Layout, reading: Reading) -> tuple[Rows, list[Problem]]:
    """The same, line by line; empty lines are passed over."""
    builder = RowBuilder(reading)
    for number, line in enumerate(block.split(b"\n")):
        if not line.strip():
            continue
        try:
            fields = _split(line.decode(), layout.delimiter)
        except (ValueError, csv.Error) as error:
            builder.problems.append((number, "malformed", f"the line is not readable text: {error}"))
            continue
        if len(fields) != len(layout.columns):
            detail = f"the line has {len(fields)} fields, not {len(layout.columns)}"
            builder.problems.append((number, "malformed", detail))
            continue
        builder.add(number, {c: f.strip() for c, f in zip(layout.columns, fields, strict=True) if c})
    return builder.build(), builder.problems


def _split(line: str, delimiter: str) -> list[str]:
    if '"' in line:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    return line.split(delimiter)


def _parse_at_once(block: bytes, layout: Layout, reading: Reading) -> Rows | None:
    """The rows of a block in which every line is as it should be in form; ``None`` for any other block."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    if b'"' in block:
        return None
    names = [column or f"other{place}" for place, column in enumerate(layout.columns)]
    types: dict[str, Any] = {name: pa.float64() for name in ("value", "bid", "ask")}
    types |= {"symbol": pa.dictionary(pa.int32(), pa.string()), "timestamp": pa.string()}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(block),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            arrow_csv.ParseOptions(
                delimiter=layout.delimiter, quote_char=False, escape_char=False, ignore_empty_lines=False
            ),
            arrow_csv.ConvertOptions(
                column_types=types,
                null_values=[],
                strings_can_be_null=False,
                include_columns=[column for column in layout.columns if column],
            ),
        ).combine_chunks()
    except pa.ArrowException:
        return None
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    if table.num_rows != lines or not lines or any(column.null_count for column in table.columns):
        return None
    times = parse_times(_column(table, "timestamp"))
    if times is None:
        return None
    timestamp = to_utc(times[0], reading.zone) if times[1] else times[0]
    symbols: tuple[str, ...] = (reading.symbol,)
    code = np.zeros(lines, np.int32)
    if "symbol" in layout.columns:
        encoded = _column(table, "symbol")
        symbols = tuple(symbol.strip() for symbol in encoded.dictionary.to_pylist())
        code = encoded.indices.to_numpy().astype(np.int32)
    if reading.plain_symbols:
        symbols = tuple(symbol.replace("/", "") for symbol in symbols)
    if len(set(symbols)) < len(symbols):
        return None  # one symbol written in two ways
    price = "value" if "value" in layout.columns else "bid"
    return Rows(
        np.arange(lines),
        symbols,
        code,
        timestamp + reading.offset_ms,
        _column(table, price).to_numpy(),
        None if price == "value" else _column(table, "ask").to_numpy(),
    )


def _column(table: Any, name: str) -> Any:
    """A column of a table as one array."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else column
