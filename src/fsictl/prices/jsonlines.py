"""One JSON object a line."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np

from fsictl.prices.layout import ALIASES
from fsictl.prices.rows import Problem, Reading, RowBuilder, Rows


def parse_block(block: bytes, reading: Reading) -> tuple[Rows, list[Problem]]:
    """The rows of a block of whole lines; a row's place is its line in the block, from 0.

    Blocks of the lines that we write ourselves go through Arrow at once, all others line by line.
    """
    rows = _parse_at_once(block)
    return (rows, []) if rows is not None else parse_lines(block, reading)


def parse_lines(block: bytes, reading: Reading) -> tuple[Rows, list[Problem]]:
    """The same, line by line; empty lines are passed over."""
    builder = RowBuilder(reading)
    for number, line in enumerate(block.split(b"\n")):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
        except (ValueError, RecursionError) as error:
            builder.problems.append((number, "malformed", f"the line is not JSON: {error}"))
            continue
        if not isinstance(body, dict):
            builder.problems.append((number, "malformed", "the line is not a JSON object"))
            continue
        builder.add(number, _fields(body))
    return builder.build(), builder.problems


def _fields(body: dict[str, Any]) -> dict[str, Any]:
    return {meaning: body[name] for meaning, name in _names_of(tuple(body))}


@lru_cache(maxsize=1000)
def _names_of(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Each meaning that is among these names, with its name."""
    original = {name.lower(): name for name in names}
    return [
        (meaning, next(original[alias] for alias in aliases if alias in original))
        for meaning, aliases in ALIASES.items()
        if any(alias in original for alias in aliases)
    ]


def _parse_at_once(block: bytes) -> Rows | None:
    """The rows of a block in which every line has symbol, integer timestamp and value; ``None`` for any other."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    lines = block.count(b"}\n{") + 1
    if not block.startswith(b"{") or block.rstrip(b"\n").count(b"\n") != lines - 1 or b"\\" in block:
        return None  # there is a line that is not one object, or a text that needs more than reading
    schema = pa.schema([("symbol", pa.string()), ("timestamp", pa.int64()), ("value", pa.float64())])
    try:
        table = arrow_json.read_json(
            pa.BufferReader(block),
            arrow_json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error"),
        ).combine_chunks()
        table.validate(full=True)  # text that is not UTF-8
    except pa.ArrowException:
        return None
    if table.num_rows != lines or any(column.null_count for column in table.columns):
        return None
    symbol = table.column("symbol").chunk(0).dictionary_encode()
    return Rows(
        np.arange(lines),
        tuple(symbol.dictionary.to_pylist()),
        symbol.indices.to_numpy().astype(np.int32),
        table.column("timestamp").to_numpy(),
        table.column("value").to_numpy(),
        None,
    )
