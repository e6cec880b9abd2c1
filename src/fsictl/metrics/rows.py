"""Blocks of metrics as Arrow tables and messages, for topics and tables."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from fsictl.metrics.block import MetricsBlock
from fsictl.records.arrow import table_of
from fsictl.records.encoding import encode_rows
from fsictl.records.message import Message
from fsictl.records.schemas import METRICS

ROWS_PER_MESSAGE = 5_000


def table_of_block(block: MetricsBlock) -> pa.Table:
    """The rows as an Arrow table of ``METRICS``, in the same order; NaN of a nullable column becomes null.

    >>> table_of_block(MetricsBlock.empty()).num_rows
    0
    """
    symbols = pa.DictionaryArray.from_arrays(pa.array(block.code), pa.array(block.symbols, pa.string()))
    return table_of(METRICS, {"symbol": symbols.cast(pa.string()), **block.columns})


def messages_of_block(block: MetricsBlock, rows: int = ROWS_PER_MESSAGE) -> Iterator[Message]:
    """The rows as messages of at most ``rows`` each, in the same order; none for no rows."""
    table = table_of_block(block)
    for start in range(0, table.num_rows, rows):
        yield encode_rows(METRICS, table.slice(start, rows))
