"""Shards: symbols in a fixed number of groups, the unit of state and of parallel work on other engines."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fsictl.records.ticks import CodeArray, Ticks

if TYPE_CHECKING:
    import pyarrow as pa

SHARDS = 64
"""Groups when nothing else is said. It is part of the state's key: another number needs a new state."""


def shard_of(symbol: str, shards: int = SHARDS) -> int:
    """The group of a symbol, by its CRC-32: the same in every process, on every machine, for ever.

    >>> shard_of("EURUSD"), shard_of("USDJPY"), shard_of("EURUSD", 1)
    (43, 4, 0)
    """
    return zlib.crc32(symbol.encode()) % shards


def _shards_of(symbols: Sequence[str], shards: int) -> CodeArray:
    return np.array([shard_of(symbol, shards) for symbol in symbols], np.int32)


def ticks_by_shard(ticks: Ticks, shards: int = SHARDS) -> Iterator[tuple[int, Ticks]]:
    """The ticks of each shard that has any, in their order of arrival.

    >>> parts = dict(ticks_by_shard(Ticks.of(["A", "B", "A"], [1, 2, 3], [1.0, 2.0, 3.0]), 2))
    >>> {shard: part.timestamp.tolist() for shard, part in parts.items()}
    {1: [1, 2, 3]}
    """
    of_tick = _shards_of(ticks.symbols, shards)[ticks.code] if len(ticks) else np.empty(0, np.int32)
    for shard in np.unique(of_tick).tolist():
        yield shard, ticks.take(of_tick == shard)


def rows_by_shard(table: pa.Table, shards: int = SHARDS) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each shard that has any, in their order; the table has a column ``symbol``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not table.num_rows:
        return
    symbols = pc.unique(table.column("symbol"))
    place = pc.index_in(table.column("symbol"), value_set=symbols).to_numpy()
    of_row = _shards_of(symbols.to_pylist(), shards)[place]
    for shard in np.unique(of_row).tolist():
        yield shard, table.filter(pa.array(of_row == shard))
