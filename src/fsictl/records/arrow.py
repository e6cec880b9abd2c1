"""Arrow batches of the schemas: how rows travel between steps, and to and from files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from fsictl.records.schemas import PRICES, Kind, Schema
from fsictl.records.ticks import Ticks

_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.FLOAT: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.TIMESTAMP: pa.int64(),
}


@cache
def arrow_schema(schema: Schema) -> pa.Schema:
    """The Arrow schema of a table. Timestamps are int64 milliseconds.

    >>> from fsictl.records.schemas import PRICES
    >>> arrow_schema(PRICES).names
    ['symbol', 'timestamp', 'sequence', 'value']
    """
    return pa.schema([pa.field(f.name, _TYPES[f.kind], nullable=f.nullable) for f in schema.fields])


def table_of(schema: Schema, columns: Mapping[str, Any]) -> pa.Table:
    """A table of ``schema`` from one array or list per column.

    In nullable float columns NaN means null; everywhere else a null is an error of the caller.
    """
    arrays = []
    for field in schema.fields:
        column = columns[field.name]
        if field.nullable and field.kind is Kind.FLOAT and isinstance(column, np.ndarray):
            arrays.append(pa.array(column, pa.float64(), from_pandas=True))
        elif isinstance(column, pa.Array | pa.ChunkedArray):
            arrays.append(column.cast(_TYPES[field.kind]))
        else:
            arrays.append(pa.array(column, _TYPES[field.kind]))
    return pa.Table.from_arrays(arrays, schema=arrow_schema(schema))


def empty_table(schema: Schema) -> pa.Table:
    """No rows of ``schema``."""
    return arrow_schema(schema).empty_table()


def ticks_to_table(ticks: Ticks) -> pa.Table:
    """Ticks as rows of the table ``prices``."""
    symbols = pa.DictionaryArray.from_arrays(pa.array(ticks.code), pa.array(ticks.symbols, pa.string()))
    return table_of(
        PRICES,
        {
            "symbol": symbols.cast(pa.string()),
            "timestamp": ticks.timestamp,
            "sequence": ticks.sequence.astype(np.int64),
            "value": ticks.value,
        },
    )


def ticks_of_table(table: pa.Table) -> Ticks:
    """Rows of the table ``prices`` as ticks, in the order of the rows."""
    encoded = pa.chunked_array(table.column("symbol")).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # what combining gives differs between Arrow versions
        encoded = pa.concat_arrays(encoded.chunks) if encoded.num_chunks else pa.array([], pa.string())
    encoded = encoded.dictionary_encode()
    return Ticks(
        tuple(encoded.dictionary.to_pylist()),
        encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32),
        table.column("timestamp").to_numpy(),
        table.column("value").to_numpy(),
        table.column("sequence").to_numpy().astype(np.int32),
    )
