"""The metrics columns that the model reads, as plain arrays sorted by symbol and time."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (
    "symbol",
    "timestamp",
    "LAST",
    "LAST_TIMESTAMP",
    "DATA_POINT_COUNT",
    "GAP_FILLED",
    "SIMPLE_MOVING_AVERAGE",
    "EXPONENTIAL_MOVING_AVERAGE",
    "STANDARD_DEVIATION",
    "LOG_RTN",
    "RELATIVE_STRENGTH_INDICATOR",
)
"""What must be read of the table ``metrics``; nothing else of it reaches the model."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Columns:
    """Metrics rows of any symbols, sorted by symbol, then by time, no row twice.

    ``code[i]`` is the place of row i's symbol in ``symbols``. ``ticks`` counts real ticks: 0 in a filled bar.
    ``rsi`` is NaN where it is null.
    """

    symbols: tuple[str, ...]
    code: Integers
    timestamp: Integers
    close: Floats
    last_timestamp: Integers
    ticks: Integers
    filled: Flags
    sma: Floats
    ema: Floats
    deviation: Floats
    log_return: Floats
    rsi: Floats

    def __len__(self) -> int:
        return len(self.timestamp)

    def take(self, rows: Integers | Flags) -> Columns:
        """Only these rows, by index or by mask; the caller keeps them sorted."""
        kept: dict[str, Any] = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "symbols"}
        return replace(self, **kept)


def columns_of(table: pa.Table) -> Columns:
    """The columns of metrics rows in any order; of rows with equal symbol and timestamp the first one stays."""
    codes, symbols = _encode(table.column("symbol"))
    timestamp = _numbers(table, "timestamp", np.int64)
    columns = Columns(
        symbols=symbols,
        code=codes,
        timestamp=timestamp,
        close=_numbers(table, "LAST", np.float64),
        last_timestamp=_numbers(table, "LAST_TIMESTAMP", np.int64),
        ticks=_numbers(table, "DATA_POINT_COUNT", np.int64),
        filled=_numbers(table, "GAP_FILLED", np.bool_),
        sma=_numbers(table, "SIMPLE_MOVING_AVERAGE", np.float64),
        ema=_numbers(table, "EXPONENTIAL_MOVING_AVERAGE", np.float64),
        deviation=_numbers(table, "STANDARD_DEVIATION", np.float64),
        log_return=_numbers(table, "LOG_RTN", np.float64),
        rsi=_numbers(table, "RELATIVE_STRENGTH_INDICATOR", np.float64),
    )
    columns.ticks[columns.filled] = 0
    step = np.diff(timestamp)
    same = np.diff(codes) == 0
    if np.all((np.diff(codes) > 0) | (same & (step > 0))):
        return columns
    columns = columns.take(np.lexsort((timestamp, codes)))
    repeated = (np.diff(columns.code) == 0) & (np.diff(columns.timestamp) == 0)
    return columns.take(np.concatenate(([True], ~repeated)))


def _encode(column: pa.ChunkedArray) -> tuple[Integers, tuple[str, ...]]:
    """Codes in the alphabetical order of the symbols."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(column) == 0:
        return np.zeros(0, np.int64), ()
    symbols = sorted(pc.unique(column).to_pylist())
    return pc.index_in(column, value_set=pa.array(symbols, pa.string())).to_numpy().astype(np.int64), tuple(symbols)


def _numbers(table: pa.Table, name: str, dtype: npt.DTypeLike) -> Any:
    """One column as a contiguous array of its own; null becomes NaN."""
    return np.array(table.column(name).to_numpy(), dtype=dtype)
