"""ferro-ta's streaming classes (Rust)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from benchmarks.metrics_engine.peers.closes import EMA_PERIOD, RSI_PERIOD, OfCloses, Row
from benchmarks.metrics_engine.plain import WINDOW
from ferro_ta import streaming


def _open(closes: np.ndarray) -> Callable[[float], Row]:
    sma = streaming.StreamingSMA(WINDOW).update
    ema = streaming.StreamingEMA(EMA_PERIOD).update
    std = streaming.StreamingStddev(WINDOW, 1.0).update
    rsi = streaming.StreamingRSI(RSI_PERIOD).update
    bands = streaming.StreamingBBands(WINDOW, 2.0, 2.0).update

    def step(close: float) -> Row:
        return sma(close), ema(close), std(close), rsi(close), bands(close)

    for close in closes.tolist():
        step(close)
    return step


def participant() -> OfCloses:
    return OfCloses(
        f"ferro-ta {version('ferro-ta')} streaming",
        _open,
        note="`StreamingSMA`, `EMA`, `Stddev`, `RSI`, `BBands`; its average counts bars, its RSI is Wilder's.",
    )


def participants() -> list[OfCloses]:
    return [participant()]
