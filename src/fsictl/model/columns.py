"""The metrics columns that the model reads, as plain arrays sorted by symbol and time."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fsictl.records.schemas import METRICS, Kind

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


_NAMES = {
    "timestamp": "timestamp",
    "close": "LAST",
    "last_timestamp": "LAST_TIMESTAMP",
    "ticks": "DATA_POINT_COUNT",
    "filled": "GAP_FILLED",
    "sma": "SIMPLE_MOVING_AVERAGE",
    "ema": "EXPONENTIAL_MOVING_AVERAGE",
    "deviation": "STANDARD_DEVIATION",
    "log_return": "LOG_RTN",
    "rsi": "RELATIVE_STRENGTH_INDICATOR",
}
_TYPES: dict[Kind, npt.DTypeLike] = {
    Kind.TIMESTAMP: np.int64,
    Kind.INTEGER: np.int64,
    Kind.FLOAT: np.float64,
    Kind.BOOLEAN: np.bool_,
}


def columns_of(table: pa.Table) -> Columns:
    """The columns of metrics rows in any order; of rows with equal symbol and timestamp the first one stays."""
    code, symbols = _encode(table.column("symbol"))
    arrays: dict[str, Any] = {
        field: np.array(table.column(name).to_numpy(), dtype=_TYPES[METRICS.field(name).kind])
        for field, name in _NAMES.items()
    }
    arrays["ticks"][arrays["filled"]] = 0
    return _sorted(Columns(symbols=symbols, code=code, **arrays))


def table_of_columns(columns: Columns) -> pa.Table:
    """The rows as a table again, with the columns :data:`COLUMNS` (filled bars have no ticks in it)."""
    import pyarrow as pa

    symbols = pa.DictionaryArray.from_arrays(pa.array(columns.code), pa.array(columns.symbols, pa.string()))
    arrays = {name: pa.array(getattr(columns, field)) for field, name in _NAMES.items()}
    arrays["symbol"] = symbols.cast(pa.string())
    return pa.table({name: arrays[name] for name in COLUMNS})


def empty_columns() -> Columns:
    """No rows."""
    arrays: dict[str, Any] = {
        field: np.zeros(0, dtype=_TYPES[METRICS.field(name).kind]) for field, name in _NAMES.items()
    }
    return Columns(symbols=(), code=np.zeros(0, np.int64), **arrays)


def merged(old: Columns, new: Columns) -> tuple[Columns, Flags]:
    """Old rows and those new ones that are after the last old row of their symbol, and which of them are new."""
    symbols = tuple(sorted({*old.symbols, *new.symbols}))
    place = {symbol: index for index, symbol in enumerate(symbols)}
    codes = [np.array([place[s] for s in part.symbols], np.int64)[part.code] for part in (old, new)]
    last = np.full(len(symbols), np.iinfo(np.int64).min)
    last[codes[0]] = old.timestamp  # sorted by time, so the last one stays
    wanted = np.concatenate([np.ones(len(old), np.bool_), new.timestamp > last[codes[1]]])
    order = np.argsort(np.concatenate(codes)[wanted], kind="stable")
    arrays: dict[str, Any] = {
        field: np.concatenate([getattr(old, field), getattr(new, field)])[wanted][order] for field in _NAMES
    }
    fresh = (np.arange(len(wanted)) >= len(old))[wanted][order]
    return Columns(symbols=symbols, code=np.concatenate(codes)[wanted][order], **arrays), fresh


def _sorted(columns: Columns) -> Columns:
    """The rows sorted by symbol and time, without repeated ones."""
    step, change = np.diff(columns.timestamp), np.diff(columns.code)
    if np.all((change > 0) | ((change == 0) & (step > 0))):
        return columns
    columns = columns.take(np.lexsort((columns.timestamp, columns.code)))
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
