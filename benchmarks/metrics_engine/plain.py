"""The columns of every row recomputed from its whole window, in double precision: what every participant must meet.

It is itself compared with the tests' reference, which goes tick by tick and adds up exactly (see ``check``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from benchmarks.metrics_engine.workload import START_SECOND, Workload

from fsictl.records.ticks import IntArray, Ticks

WINDOW, MAX_GAP, ALPHA = 300, 60, 0.5

RSI_OF_THE_WINDOW = "RSI"

Grid = Mapping[str, np.ndarray]
"""Columns by name, each of shape [symbols, seconds]."""


def bars_of_workload(workload: Workload) -> Grid:
    """The bars of all seconds from the first on, gaps filled."""
    bars = bars_of(workload.ticks.take(~workload.late), 0, workload.seconds(workload.rounds - 1).stop)
    assert not np.isnan(bars["LAST"]).any(), "a symbol begins later than the workload"
    return bars


def bars_of(ticks: Ticks, start: int, stop: int) -> Grid:
    """The bars of these seconds, gaps filled; LAST is NaN before a symbol's first tick."""
    order = np.lexsort((ticks.timestamp, ticks.code))
    code, timestamp, value = ticks.code[order].astype(np.int64), ticks.timestamp[order], ticks.value[order]
    second = timestamp // 1000 - START_SECOND
    cell = code * (stop - start) + second - start
    inside = (second >= start) & (second < stop)
    cell, timestamp, value = cell[inside], timestamp[inside], value[inside]
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    ends = np.append(starts[1:], len(cell)) - 1
    shape = (len(ticks.symbols), stop - start)
    source = np.zeros(shape, np.int64)
    source.ravel()[cell[starts]] = np.arange(len(starts)) + 1
    filled = source == 0
    filling = np.maximum.accumulate(source, axis=1) - 1  # the newest bar of the symbol that has ticks
    first, last = value[starts][filling], np.where(filling < 0, np.nan, value[ends][filling])
    repeated: dict[str, np.ndarray] = {
        "FIRST": first,
        "LAST": last,
        "FIRST_TIMESTAMP": timestamp[starts][filling],
        "LAST_TIMESTAMP": timestamp[ends][filling],
        "MIN": np.minimum.reduceat(value, starts)[filling],
        "MAX": np.maximum.reduceat(value, starts)[filling],
        "SUM": np.add.reduceat(value, starts)[filling],
        "DATA_POINT_COUNT": (ends - starts + 1)[filling],
    }
    for name in ("FIRST", "MIN", "MAX", "SUM"):
        repeated[name] = np.where(filled, last, repeated[name])
    repeated["FIRST_TIMESTAMP"] = np.where(filled, repeated["LAST_TIMESTAMP"], repeated["FIRST_TIMESTAMP"])
    repeated["DATA_POINT_COUNT"] = np.where(filled, 1, repeated["DATA_POINT_COUNT"])
    return {**repeated, "GAP_FILLED": filled}


def rows_of(bars: Grid, seconds: Iterable[int], *, begin: int = 0) -> Grid:
    """The rows of these seconds, all columns but the keys; windows reach back to ``begin`` at most."""
    chosen = [int(second) for second in seconds]
    rolled = [_window({name: bars[name][:, max(begin, s - WINDOW + 1) : s + 1] for name in _READ}) for s in chosen]
    rows = {name: column[:, chosen] for name, column in bars.items()}
    return rows | {name: np.stack([columns[name] for columns in rolled], axis=1) for name in rolled[0]}


_READ = ("LAST", "SUM", "DATA_POINT_COUNT", "GAP_FILLED")


def sampled(seconds: int, most: int = 600) -> IntArray:
    """The seconds of so many whose windows are computed anew; all, unless there are very many."""
    return np.unique(np.linspace(0, seconds - 1, most).astype(np.int64))


def _window(bars: Grid) -> dict[str, np.ndarray]:
    """The columns of one second: every array has one row per symbol, its columns are the window, oldest first."""
    close = bars["LAST"]
    n = close.shape[1]
    sma = bars["SUM"].sum(1) / bars["DATA_POINT_COUNT"].sum(1)
    weights = (1 - ALPHA) ** np.arange(n - 1, -1, -1.0)
    ema = close @ weights / weights.sum()
    from_first = close - close[:, :1]
    std = (from_first - from_first.mean(1, keepdims=True)).std(1)
    moves = np.diff(close, axis=1)
    up, down = np.maximum(moves, 0).sum(1), np.minimum(moves, 0).sum(1)
    gain, loss = up / n, -down / n
    with np.errstate(divide="ignore", invalid="ignore"):
        strength = np.where(loss > 0, gain / loss, np.nan)
        rsi = np.where(loss > 0, 100 - 100 / (1 + strength), np.where(gain > 0, 100.0, np.nan))
    previous = close[:, -2] if n > 1 else close[:, -1]
    return {
        "SUM_MOVEMENT_COUNT": np.full(len(close), n),
        "SIMPLE_MOVING_AVERAGE": sma,
        "EXPONENTIAL_MOVING_AVERAGE": ema,
        "STANDARD_DEVIATION": std,
        "LOG_RTN": np.log1p((close[:, -1] - previous) / previous),
        "SUM_UP_MOVEMENT": up,
        "SUM_DOWN_MOVEMENT": down,
        "ABS_MOVING_AVERAGE_GAIN": gain,
        "ABS_MOVING_AVERAGE_LOSS": loss,
        "RELATIVE_STRENGTH": strength,
        "RELATIVE_STRENGTH_INDICATOR": rsi,
        "BB_MIDDLE_BAND_SMA": sma,
        "BB_UPPER_BAND_SMA": sma + 2 * std,
        "BB_BOTTOM_BAND_SMA": sma - 2 * std,
        "BB_MIDDLE_BAND_EMA": ema,
        "BB_UPPER_BAND_EMA": ema + 2 * std,
        "BB_BOTTOM_BAND_EMA": ema - 2 * std,
        "GAP_FILLED_FRACTION": bars["GAP_FILLED"].mean(1),
    }


def rows_of_closes(close: np.ndarray, seconds: Iterable[int], rsi_period: int) -> Grid:
    """What libraries of indicators compute from closes alone, by their definitions, for these seconds.

    The average is that of the closes, each bar counting once; the RSI is Wilder's: the mean gain and loss of the
    first ``rsi_period`` moves, then each smoothed by 1 / ``rsi_period``.
    """
    moves = np.diff(close, axis=1)
    gain, loss = np.maximum(moves[:, :rsi_period], 0).mean(1), np.maximum(-moves[:, :rsi_period], 0).mean(1)
    rsi = np.full(close.shape, np.nan)
    for second in range(rsi_period, close.shape[1]):
        if second > rsi_period:
            move = moves[:, second - 1]
            gain += (np.maximum(move, 0) - gain) / rsi_period
            loss += (np.maximum(-move, 0) - loss) / rsi_period
        with np.errstate(invalid="ignore"):  # a price that never moved has none
            rsi[:, second] = 100 * gain / (gain + loss)
    columns: dict[str, list[np.ndarray]] = {}
    weights = (1 - ALPHA) ** np.arange(WINDOW - 1, -1, -1.0)
    for second in seconds:
        window = close[:, second - WINDOW + 1 : second + 1]
        average, deviation = window.mean(1), (window - window[:, :1]).std(1)
        row = {
            "SMA": average,
            "EMA": window @ weights / weights.sum(),
            "STD": deviation,
            "RSI (Wilder)": rsi[:, second],
            RSI_OF_THE_WINDOW: _window({"LAST": window, **_counting_once(window)})["RELATIVE_STRENGTH_INDICATOR"],
            "upper band": average + 2 * deviation,
            "lower band": average - 2 * deviation,
        }
        for name, column in row.items():
            columns.setdefault(name, []).append(column)
    return {name: np.stack(parts, axis=1) for name, parts in columns.items()}


def _counting_once(window: np.ndarray) -> Grid:
    return {"SUM": window, "DATA_POINT_COUNT": np.ones_like(window), "GAP_FILLED": np.zeros_like(window)}
