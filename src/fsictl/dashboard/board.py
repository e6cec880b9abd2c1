"""The newest of every symbol: its row, its verdict and its trend, kept up to date by what is new."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from fsictl.dashboard.episodes import seconds_of
from fsictl.dashboard.queries import (
    METRICS_NAMES,
    VERDICT_NAMES,
    Columns,
    columns_of,
    newest_rows,
    one_verdict_each,
    recent_verdicts,
)
from fsictl.model.aliases import BySymbol
from fsictl.ports.warehouse import Warehouse

TREND_SECONDS = 300
TREND_STEP = 5
VERDICT_SECONDS = 10


class Board:
    """Filled once from the warehouse, then told of new rows; asking it costs no reading."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}
        self._verdicts: dict[str, dict[str, Any]] = {}
        self._trends: dict[str, deque[tuple[int, float]]] = {}

    def fill(self, warehouse: Warehouse, last: Mapping[str, int], champions: BySymbol[str]) -> None:
        """Begin anew with what is stored; ``last`` is the timestamp (ms) of every symbol's newest row."""
        self._rows, self._verdicts, self._trends = {}, {}, {}
        if not last:
            return
        newest = seconds_of(max(last.values()))
        active = [symbol for symbol, at in last.items() if newest - seconds_of(at) <= VERDICT_SECONDS]
        self.add_rows(newest_rows(warehouse, last, active, TREND_SECONDS))
        verdicts = recent_verdicts(warehouse, active, newest - VERDICT_SECONDS, list(VERDICT_NAMES))
        self.add_verdicts(verdicts, champions)

    def add_rows(self, rows: pa.Table) -> None:
        """Take rows of ``metrics``, in order of time for each symbol."""
        for row in _each(columns_of(rows, METRICS_NAMES)):
            symbol, time = row["symbol"], row["time"]
            self._rows[symbol] = row
            if time % TREND_STEP == 0:
                trend = self._trends.setdefault(symbol, deque(maxlen=TREND_SECONDS // TREND_STEP + 1))
                trend.append((time, row["price"]))

    def add_verdicts(self, verdicts: pa.Table, champions: BySymbol[str]) -> None:
        """Take rows of ``reconerr``; of one second the champion's counts, else the last version's."""
        for verdict in _each(columns_of(one_verdict_each(verdicts, champions), VERDICT_NAMES)):
            known = self._verdicts.get(verdict["symbol"], {"time": 0, "model_version": None})
            preferred = verdict["time"] == known["time"] and known["model_version"] != champions.of(verdict["symbol"])
            if preferred or verdict["time"] > known["time"]:
                self._verdicts[verdict["symbol"]] = verdict

    def newest(self, symbol: str) -> int | None:
        """The end of the symbol's newest bar, or ``None`` when there is none."""
        row = self._rows.get(symbol)
        return None if row is None else int(row["time"])

    def rows(self) -> list[dict[str, Any]]:
        """Per symbol its newest metrics row, its verdict and ``trend``, prices of the last five minutes.

        The verdict is the last one of the ten seconds up to the newest row of all, or null. Symbols that are quiet
        have neither verdict nor trend.
        """
        newest = max((row["time"] for row in self._rows.values()), default=0)
        return [self._row(symbol, newest) for symbol in sorted(self._rows)]

    def _row(self, symbol: str, newest: int) -> dict[str, Any]:
        row, verdict = self._rows[symbol], self._verdicts.get(symbol)
        if newest - row["time"] > VERDICT_SECONDS:
            return row | {"verdict": None, "trend": []}
        if verdict is not None and newest - verdict["time"] > VERDICT_SECONDS:
            verdict = None
        trend = [price for time, price in self._trends.get(symbol, ()) if time >= newest - TREND_SECONDS]
        return row | {"verdict": verdict, "trend": trend}


def _each(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
