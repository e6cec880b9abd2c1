"""talipp (Python)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from benchmarks.metrics_engine.peers.closes import EMA_PERIOD, RSI_PERIOD, OfCloses, Row
from benchmarks.metrics_engine.plain import WINDOW
from talipp.indicators import BB, EMA, RSI, SMA, StdDev

SYMBOLS = 50  # it takes a tenth of a millisecond per row


def _open(closes: np.ndarray) -> Callable[[float], Row]:
    history = closes.tolist()
    sma, ema, std = SMA(WINDOW, history), EMA(EMA_PERIOD, history), StdDev(WINDOW, history)
    rsi, bands = RSI(RSI_PERIOD, history), BB(WINDOW, 2.0, history)

    def step(close: float) -> Row:
        for indicator in (sma, ema, std, rsi, bands):
            indicator.add(close)
        band = bands[-1]
        return sma[-1], ema[-1], std[-1], rsi[-1], (band.ub, band.cb, band.lb)

    return step


def participant() -> OfCloses:
    return OfCloses(
        f"talipp {version('talipp')}",
        _open,
        note=f"`SMA`, `EMA`, `StdDev`, `RSI`, `BB` of the first {SYMBOLS} symbols; its average counts bars, its RSI is"
        " Wilder's.",
        symbols=SYMBOLS,
    )


def participants() -> list[OfCloses]:
    return [participant()]
