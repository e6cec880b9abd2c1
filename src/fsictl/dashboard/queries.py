"""What the page asks of the warehouse about now, and how rows become JSON values.

Every time in an answer is the end of a bar in seconds since the epoch; every column is named as in ``NAMES``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fsictl.dashboard.episodes import seconds_of, timestamp_of
from fsictl.model.aliases import BySymbol
from fsictl.ports.warehouse import Warehouse
from fsictl.records.arrow import empty_table
from fsictl.records.schemas import METRICS, RECONERR

METRICS_NAMES = {
    "LAST": "price",
    "SIMPLE_MOVING_AVERAGE": "sma",
    "EXPONENTIAL_MOVING_AVERAGE": "ema",
    "RELATIVE_STRENGTH_INDICATOR": "rsi",
    "LOG_RTN": "log_return",
    "BB_UPPER_BAND_SMA": "band_upper",
    "BB_BOTTOM_BAND_SMA": "band_lower",
    "BB_UPPER_BAND_EMA": "ema_band_upper",
    "BB_BOTTOM_BAND_EMA": "ema_band_lower",
    "GAP_FILLED": "gap_filled",
    "LAST_TIMESTAMP": "last_tick",
}
"""Columns of ``metrics`` that the page shows, with their names in JSON; ``last_tick`` is in milliseconds."""

VERDICT_NAMES = {
    "reconstruction_error": "error",
    "threshold": "threshold",
    "unreliable": "unreliable",
    "alert": "alert",
    "reason": "reason",
    "model_version": "model_version",
}
"""Columns of ``reconerr`` that the page shows, with their names in JSON."""

Columns = dict[str, list[Any]]


def columns_of(table: pa.Table, names: Mapping[str, str]) -> Columns:
    """Rows as JSON columns ``symbol``, ``time`` and those of ``names``; floats keep eight digits after the point."""
    columns = {"symbol": table["symbol"].to_pylist(), "time": seconds_in(table).tolist()}
    return columns | {short: values_of(table[long]) for long, short in names.items()}


def values_of(column: pa.ChunkedArray) -> list[Any]:
    """A column as JSON values."""
    if pa.types.is_floating(column.type):
        column = pc.round(column, ndigits=8)
    values: list[Any] = column.to_pylist()
    return values


def seconds_in(table: pa.Table) -> npt.NDArray[np.int64]:
    """The ends of the rows' bars."""
    seconds: npt.NDArray[np.int64] = (table["timestamp"].to_numpy() + 1) // 1000
    return seconds


def one_verdict_each(table: pa.Table, champion: str | BySymbol[str] | None) -> pa.Table:
    """One row per symbol and second of ``reconerr``: the champion's where it scored, else the last version's."""
    if not table.num_rows:
        return table
    codes = table["symbol"].combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):  # what combining gives differs between Arrow versions
        codes = codes.unify_dictionaries().combine_chunks()
    symbol = codes.indices.to_numpy(zero_copy_only=False)
    timestamp = table["timestamp"].to_numpy()
    preferred = _by_champion(table, champion)
    order = np.lexsort((preferred, timestamp, symbol))
    last = np.r_[(np.diff(symbol[order]) != 0) | (np.diff(timestamp[order]) != 0), True]
    return table.take(pa.array(np.sort(order[last])))


def _by_champion(table: pa.Table, champion: str | BySymbol[str] | None) -> npt.NDArray[np.bool_]:
    """Which verdicts are those of the champion, or of their symbol's."""
    known = champion if isinstance(champion, BySymbol) else BySymbol(champion)
    found = np.array(pc.equal(table["model_version"], known.shared or ""), dtype=np.bool_)
    for symbol, version in known.own.items():
        mine = np.array(pc.equal(table["symbol"], symbol))
        found[mine] = np.array(pc.equal(table["model_version"], version))[mine]
    return found


def newest_rows(warehouse: Warehouse, last: Mapping[str, int], active: Sequence[str], seconds: int) -> pa.Table:
    """The rows of ``metrics`` of the last seconds of the active symbols, and the newest row of the others.

    ``last`` is the timestamp (ms) of every symbol's newest row.
    """
    wanted = ["symbol", "timestamp", *METRICS_NAMES]
    since = timestamp_of(seconds_of(max(last.values())) - seconds)
    quiet = sorted(last.keys() - set(active))
    return pa.concat_tables(
        [
            warehouse.read(METRICS.name, symbols=active, start=since, columns=wanted),
            *(warehouse.read(METRICS.name, symbols=[symbol], start=last[symbol], columns=wanted) for symbol in quiet),
        ]
    )


def recent_verdicts(warehouse: Warehouse, symbols: Sequence[str], since: int, columns: Sequence[str]) -> pa.Table:
    """The rows of ``reconerr`` from that second on, with symbol, timestamp and these columns."""
    wanted = ["symbol", "timestamp", *columns]
    if not symbols:
        return empty_table(RECONERR).select(wanted)
    return warehouse.read(RECONERR.name, symbols=symbols, start=timestamp_of(since), columns=wanted)
