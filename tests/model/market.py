"""A small market of our own: random walks with calm, rising and falling hours, and metrics computed the plain way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from fsictl.records.arrow import table_of
from fsictl.records.schemas import METRICS

START_S = 1_600_000_000


def metrics_table(
    symbol: str = "EURUSD",
    *,
    rows: int = 3000,
    seed: int = 1,
    price: float = 1.18,
    silent: Sequence[tuple[int, int]] = (),
    window: int = 300,
    rsi_window: int = 60,
) -> pa.Table:
    """``rows`` seconds of metrics; between the given second numbers there is no tick."""
    rng = np.random.default_rng([seed, *map(ord, symbol)])
    drift = np.repeat(rng.choice([-0.35, 0.0, 0.35], size=rows // 200 + 1), 200)[:rows]
    ticks = rng.poisson(8.0, rows)
    ticks[0] = 1
    for first, last in silent:
        ticks[first:last] = 0
    moves = 2e-5 * (rng.standard_t(4, rows) + drift)
    moves[ticks == 0] = 0.0
    close = price * np.exp(np.cumsum(moves))
    filled = ticks == 0
    second = START_S + np.arange(rows)
    last_real = np.maximum.accumulate(np.where(filled, 0, np.arange(rows)))
    return _metrics(symbol, second, close, filled, np.maximum(ticks, 1), last_real, window, rsi_window)


def _windows(values: np.ndarray, width: int, fill: float) -> np.ndarray:
    padded = np.concatenate([np.full(width - 1, fill), values])
    return np.lib.stride_tricks.sliding_window_view(padded, width)


def _metrics(
    symbol: str,
    second: np.ndarray,
    close: np.ndarray,
    filled: np.ndarray,
    count: np.ndarray,
    last_real: np.ndarray,
    window: int,
    rsi_window: int,
) -> pa.Table:
    rows = len(close)
    change = np.diff(close, prepend=close[0])
    closes = _windows(close, window, np.nan)
    n = np.minimum(np.arange(rows) + 1, window)
    sma = np.nansum(_windows(close * count, window, 0.0), axis=1) / _windows(count.astype(float), window, 0.0).sum(1)
    weights = 0.5 ** np.arange(39, -1, -1)
    recent = _windows(close, 40, np.nan)
    ema = np.nansum(recent * weights, axis=1) / (~np.isnan(recent) * weights).sum(axis=1)
    deviation = np.nanstd(closes, axis=1)
    up = _windows(np.maximum(change, 0.0), rsi_window, 0.0).sum(axis=1)
    down = _windows(np.minimum(change, 0.0), rsi_window, 0.0).sum(axis=1)
    moved = up - down > 0
    rsi = np.where(moved, 100 * up / np.where(moved, up - down, 1.0), np.nan)
    stamp = 1000 * (START_S + last_real) + 700
    values: dict[str, Any] = {
        "symbol": [symbol] * rows,
        "timestamp": second * 1000 + 999,
        "endTimestamp": second + 1,
        "FIRST_TIMESTAMP": stamp,
        "LAST_TIMESTAMP": stamp,
        "SUM": close * count,
        "DATA_POINT_COUNT": count,
        "GAP_FILLED": filled,
        "SUM_MOVEMENT_COUNT": n,
        "STANDARD_DEVIATION": deviation,
        "LOG_RTN": np.log1p(change / (close - change)),
        "SUM_UP_MOVEMENT": up,
        "SUM_DOWN_MOVEMENT": down,
        "ABS_MOVING_AVERAGE_GAIN": up / rsi_window,
        "ABS_MOVING_AVERAGE_LOSS": -down / rsi_window,
        "RELATIVE_STRENGTH": np.where(down < 0, -up / np.where(down < 0, down, 1.0), np.nan),
        "RELATIVE_STRENGTH_INDICATOR": rsi,
        "GAP_FILLED_FRACTION": _windows(filled.astype(float), window, 0.0).sum(axis=1) / n,
    }
    values |= dict.fromkeys(("FIRST", "LAST", "MIN", "MAX"), close)
    values |= dict.fromkeys(("SIMPLE_MOVING_AVERAGE", "BB_MIDDLE_BAND_SMA"), sma)
    values |= dict.fromkeys(("EXPONENTIAL_MOVING_AVERAGE", "BB_MIDDLE_BAND_EMA"), ema)
    for name, middle in (("SMA", sma), ("EMA", ema)):
        values[f"BB_UPPER_BAND_{name}"] = middle + 2 * deviation
        values[f"BB_BOTTOM_BAND_{name}"] = middle - 2 * deviation
    return table_of(METRICS, values)
