"""Blocks of metrics as Arrow tables, for topics and tables."""

from __future__ import annotations

import pyarrow as pa

from fsictl.metrics.block import MetricsBlock
from fsictl.records.arrow import table_of
from fsictl.records.schemas import METRICS


def table_of_block(block: MetricsBlock) -> pa.Table:
    """The rows as an Arrow table of ``METRICS``, in the same order; NaN of a nullable column becomes null.

    >>> table_of_block(MetricsBlock.empty()).num_rows
    0
    """
    symbols = pa.DictionaryArray.from_arrays(pa.array(block.code), pa.array(block.symbols, pa.string()))
    return table_of(METRICS, {"symbol": symbols.cast(pa.string()), **block.columns})
