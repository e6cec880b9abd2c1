"""TA-Lib's ``stream`` (C).

Since 0.8 a stream is a handle that is carried forward; before that, ``stream`` computed the last value of an array
anew with every call. Whichever is installed is measured. Before 0.8 it is several times slower where pandas or polars
are installed: then every function looks at the types of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import talib
from benchmarks.metrics_engine.peers.closes import EMA_PERIOD, RSI_PERIOD, OfCloses, Row
from benchmarks.metrics_engine.plain import WINDOW
from talib import stream

HAS_HANDLES = hasattr(stream, "Stream")


def _open_handles(closes: np.ndarray) -> Callable[[float], Row]:
    sma = stream.SMA(closes, WINDOW).update
    ema = stream.EMA(closes, EMA_PERIOD).update
    std = stream.STDDEV(closes, WINDOW, 1.0).update
    rsi = stream.RSI(closes, RSI_PERIOD).update
    bands = stream.BBANDS(closes, WINDOW, 2.0, 2.0, 0).update

    def step(close: float) -> Row:
        return sma(close), ema(close), std(close), rsi(close), bands(close)

    return step


UNSTABLE = 60
"""Closes that the EMA of a window looks back beyond its period; by default it sees the last three alone."""


def _open_window(closes: np.ndarray) -> Callable[[float], Row]:
    """The last closes lie next to each other in an array twice as long, so that few steps move them."""
    ring = np.empty(2 * WINDOW)
    ring[:WINDOW] = closes[-WINDOW:]
    end = WINDOW

    def step(close: float) -> Row:
        nonlocal end
        if end == len(ring):
            ring[: WINDOW - 1] = ring[end - WINDOW + 1 :]
            end = WINDOW - 1
        ring[end] = close
        end += 1
        window = ring[end - WINDOW : end]
        return (
            stream.SMA(window, WINDOW),
            stream.EMA(window, EMA_PERIOD),
            stream.STDDEV(window, WINDOW, 1.0),
            stream.RSI(window, RSI_PERIOD),
            stream.BBANDS(window, WINDOW, 2.0, 2.0, 0),
        )

    return step


def participant() -> OfCloses:
    functions = "`SMA`, `EMA`, `STDDEV`, `RSI`, `BBANDS`"
    if HAS_HANDLES:
        return OfCloses(
            f"TA-Lib {talib.__version__} stream",
            _open_handles,
            note=f"{functions} as handles with `update`; its average counts bars, its RSI is Wilder's.",
        )
    talib.set_unstable_period("EMA", UNSTABLE)
    beside = " and ".join(name for name in ("pandas", "polars") if find_spec(name))
    return OfCloses(
        f"TA-Lib {talib.__version__} stream" + (f" beside {beside}" if beside else ""),
        _open_window,
        note=f"{functions} of the last 300 closes with every row, as `stream` worked before 0.8; its average counts"
        " bars." + (f" It asks with every call whether its arguments are those of {beside}." if beside else ""),
        rsi="RSI",  # of just one window, Wilder's smoothing has nothing to smooth
    )


def participants() -> list[OfCloses]:
    return [participant()]
