"""Rows of the tables that look like the real ones, from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fsictl.records.arrow import table_of
from fsictl.records.schemas import METRICS, RECONERR, Kind

VERSION = "20260101-000000-1a2b3c4d"
START = 1_700_000_000


def metrics_rows(symbol: str, seconds: Sequence[int] | npt.NDArray[np.int64], **columns: object) -> pa.Table:
    """Metrics rows whose bars end at these seconds; columns that are not given are plausible and flat."""
    ends = np.asarray(seconds, np.int64)
    count = len(ends)
    ready: dict[str, object] = {
        "symbol": [symbol] * count,
        "timestamp": ends * 1000 - 1,
        "endTimestamp": ends,
        "FIRST_TIMESTAMP": ends * 1000 - 900,
        "LAST_TIMESTAMP": ends * 1000 - 100,
        "DATA_POINT_COUNT": np.full(count, 10),
        "SUM_MOVEMENT_COUNT": np.full(count, 300),
        "GAP_FILLED": np.zeros(count, bool),
        "GAP_FILLED_FRACTION": np.zeros(count),
        "LOG_RTN": np.zeros(count),
        "RELATIVE_STRENGTH_INDICATOR": np.full(count, 50.0),
    }
    for field in METRICS.fields:
        if field.kind is Kind.FLOAT:
            ready.setdefault(field.name, np.full(count, 1.25))
    return table_of(METRICS, ready | columns)


def verdict_rows(symbol: str, seconds: Sequence[int] | npt.NDArray[np.int64], **columns: object) -> pa.Table:
    """Verdicts about the metrics rows whose bars end at these seconds: reliable ones, if not said otherwise."""
    ends = np.asarray(seconds, np.int64)
    count = len(ends)
    ready: dict[str, object] = {
        "symbol": [symbol] * count,
        "timestamp": ends * 1000 - 1,
        "model_version": [VERSION] * count,
        "reconstruction_error": np.full(count, 0.4),
        "threshold": np.full(count, 1.0),
        "unreliable": np.zeros(count, bool),
        "alert": np.zeros(count, bool),
        "p_value": np.full(count, 0.5),
        "rsi": np.full(count, 75.0),
        "side": ["overbought"] * count,
        "feature_errors": ["{}"] * count,
        "gap_filled_fraction": np.zeros(count),
        "reason": pa.nulls(count, pa.string()),
    }
    return table_of(RECONERR, ready | columns)


def lively(symbol: str, first: int, count: int, *, price: float, seed: int) -> tuple[pa.Table, pa.Table]:
    """A day in the life of a symbol: trends, an RSI that becomes extreme, verdicts with a few alerts."""
    random = np.random.default_rng(seed)
    passed = np.arange(count)  # whatever the time of day, the same happens
    ends = first + passed
    phase = random.uniform(0, 6.3)
    drift = 2.2e-6 * np.sin(passed / 700 + phase) + 1.4e-6 * np.sin(passed / 190 + 2 * phase)
    steps = drift + random.standard_normal(count) * 9e-6
    close = price * np.exp(np.cumsum(steps))
    padded = np.r_[np.full(299, close[0]), close]
    mean = np.convolve(padded, np.full(300, 1 / 300), "valid")
    moves = np.diff(np.r_[np.full(300, close[0]), close])
    up = np.convolve(np.maximum(moves, 0), np.ones(300), "valid")[:count]
    down = np.convolve(np.maximum(-moves, 0), np.ones(300), "valid")[:count]
    rsi = np.clip(50 + (100 * up / (up + down + 1e-12) - 50) * 3.2, 2, 98)
    spread = 2 * np.std(steps) * close * 12
    metrics = metrics_rows(
        symbol,
        ends,
        LAST=close,
        SIMPLE_MOVING_AVERAGE=mean,
        EXPONENTIAL_MOVING_AVERAGE=close,
        LOG_RTN=steps,
        RELATIVE_STRENGTH_INDICATOR=rsi,
        BB_UPPER_BAND_SMA=mean + spread,
        BB_BOTTOM_BAND_SMA=mean - spread,
    )
    extreme = (rsi > 70) | (rsi < 30)
    bursts = np.maximum(0, np.sin(passed / 83 + phase) + np.sin(passed / 211) - 1.2) * 2
    error = (0.45 + bursts + 0.08 * random.standard_normal(count))[extreme]
    verdicts = verdict_rows(
        symbol,
        ends[extreme],
        reconstruction_error=error,
        unreliable=error > 1.0,
        alert=error > 1.7,
        rsi=rsi[extreme],
        side=np.where(rsi[extreme] > 70, "overbought", "oversold").tolist(),
    )
    return metrics, verdicts
