"""Rows of a file on their way to ticks: what each field must be, and why a row is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import numpy as np

from fsictl.prices.times import milliseconds, parse_time, to_utc
from fsictl.records.message import Reject
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SYMBOL_PATTERN, CodeArray, FloatArray, IntArray, Ticks
from fsictl.records.validation import check_tick


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are to be read: the symbol of rows that name none, the zone of local times, what is added to times."""

    symbol: str
    zone: tzinfo
    offset_ms: int = 0
    plain_symbols: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """``n`` rows in columns, times in UTC; ``row`` is their place.

    ``value`` is the price or, with ``ask``, the bid; an ask like its bid is how a price is told among quotes.
    """

    row: IntArray
    symbols: tuple[str, ...]
    code: CodeArray
    timestamp: IntArray
    value: FloatArray
    ask: FloatArray | None


Problem = tuple[int, str, str]
"""The place of a row, the reason and the detail why it is none."""


def usable(rows: Rows) -> tuple[Ticks, list[Problem]]:
    """The rows that make ticks, and what is wrong with each of the others.

    A pair of quotes makes their mean; one whose ask is below its bid is a fault of the feed and makes nothing.
    """
    known = np.array([SYMBOL_PATTERN.fullmatch(symbol) is not None for symbol in rows.symbols], bool)
    good = known[rows.code] & (rows.timestamp >= 0) & (rows.timestamp <= MAX_TIMESTAMP_MS)
    good &= np.isfinite(rows.value) & (rows.value > 0)
    value = rows.value
    if rows.ask is not None:
        good &= np.isfinite(rows.ask) & (rows.ask >= rows.value)
        # Halved first, because the sum of two huge prices is infinite; not halved when equal, as the tiniest can't be.
        value = np.where(rows.ask == rows.value, rows.value, rows.value * 0.5 + rows.ask * 0.5)
    problems = [(int(rows.row[index]), *_problem(rows, index)) for index in np.flatnonzero(~good).tolist()]
    ticks = Ticks(rows.symbols, rows.code, rows.timestamp, value, np.zeros(len(value), np.int32))
    return (_tidy(ticks.take(good)) if problems else ticks), problems


def _tidy(ticks: Ticks) -> Ticks:
    """The same ticks without the symbols that only refused rows had."""
    used, code = np.unique(ticks.code, return_inverse=True)
    symbols = tuple(ticks.symbols[index] for index in used.tolist())
    return Ticks(symbols, code.astype(np.int32), ticks.timestamp, ticks.value, ticks.sequence)


def _problem(rows: Rows, index: int) -> tuple[str, str]:
    symbol, timestamp = rows.symbols[rows.code[index]], int(rows.timestamp[index])
    value = float(rows.value[index])
    if rows.ask is None:
        return check_tick(symbol, timestamp, value) or ("malformed", "not a tick")
    ask = float(rows.ask[index])
    return (
        check_tick(symbol, timestamp, value)
        or check_tick(symbol, timestamp, ask)
        or ("bad-value", f"the ask {ask!r} is below the bid {value!r}")
    )


@dataclass(slots=True)
class RowBuilder:
    """Rows gathered one by one from fields as they were found: texts, or numbers and times."""

    reading: Reading
    problems: list[Problem] = field(default_factory=list)
    _rows: list[int] = field(default_factory=list)
    _symbols: dict[str, int] = field(default_factory=dict)
    _codes: list[int] = field(default_factory=list)
    _times: list[int] = field(default_factory=list)
    _local: list[bool] = field(default_factory=list)
    _values: list[float] = field(default_factory=list)
    _asks: list[float] = field(default_factory=list)

    def add(self, row: int, fields: dict[str, Any]) -> None:
        """Take a row with these fields by meaning, or note what is wrong with it."""
        symbol = fields.get("symbol", self.reading.symbol)
        if not isinstance(symbol, str):
            self.problems.append((row, "bad-symbol", f"the symbol {symbol!r} is not a text"))
            return
        try:
            time, local = _time(fields.get("timestamp"))
        except (ValueError, TypeError, OverflowError):
            self.problems.append((row, "bad-timestamp", f"the time {fields.get('timestamp')!r} cannot be read"))
            return
        name = "value" if "value" in fields else "bid"
        try:
            value = _number(fields.get(name))
            ask = value if name == "value" else _number(fields.get(name := "ask"))
        except (ValueError, TypeError, OverflowError):
            self.problems.append((row, "bad-value", f"the {name} {fields.get(name)!r} is not a number"))
            return
        if self.reading.plain_symbols:
            symbol = symbol.replace("/", "")
        self._rows.append(row)
        self._codes.append(self._symbols.setdefault(symbol, len(self._symbols)))
        self._times.append(time)
        self._local.append(local)
        self._values.append(value)
        self._asks.append(ask)

    def build(self) -> Rows:
        """All rows taken so far."""
        times, local = np.array(self._times, np.int64), np.array(self._local, bool)
        times[local] = to_utc(times[local], self.reading.zone)
        return Rows(
            np.array(self._rows, np.int64),
            tuple(self._symbols),
            np.array(self._codes, np.int32),
            times + self.reading.offset_ms,
            np.array(self._values, np.float64),
            np.array(self._asks, np.float64),
        )


def _time(raw: Any) -> tuple[int, bool]:
    if isinstance(raw, str):
        return parse_time(raw)
    if isinstance(raw, datetime):
        return milliseconds(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < 2**60:
        return raw, False
    raise TypeError


def _number(raw: Any) -> float:
    if isinstance(raw, str) and ("_" in raw or not raw.isascii()):
        raise ValueError
    if isinstance(raw, bool) or raw is None:
        raise TypeError
    return float(raw)


def rejected(problems: list[Problem], data: Callable[[int], bytes], origin: Callable[[int], str]) -> list[Reject]:
    """The problems in the order of their rows, as rejects with the original bytes and their place."""
    return [Reject(reason, detail, data(row), origin(row)) for row, reason, detail in sorted(problems)]
