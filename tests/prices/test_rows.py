"""Rows on their way to ticks."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from fsictl.prices.rows import Reading, RowBuilder, rejected, usable
from fsictl.prices.times import zone_of


def test_only_symbols_with_ticks_remain() -> None:
    builder = RowBuilder(Reading("X", UTC))
    for row, symbol in enumerate(["A", "not a symbol", "B", "A"]):
        builder.add(row, {"symbol": symbol, "timestamp": row, "value": 1.0})
    ticks, problems = usable(builder.build())
    assert ticks.symbols == ("A", "B")
    assert ticks.code.tolist() == [0, 1, 0]
    assert [(row, reason) for row, reason, _ in problems] == [(1, "bad-symbol")]


def test_times_of_every_kind() -> None:
    builder = RowBuilder(Reading("X", zone_of("UTC+1"), offset_ms=7))
    for row, time in enumerate([5, "5", "1970-01-01 01:00", datetime(1970, 1, 1, tzinfo=UTC)]):
        builder.add(row, {"timestamp": time, "bid": 1, "ask": "2"})
    ticks, problems = usable(builder.build())
    assert ticks.timestamp.tolist() == [12, 12, 7, 7]
    assert ticks.value.tolist() == [1.5] * 4
    assert problems == []


def test_huge_and_tiny_quotes_have_a_mean() -> None:
    builder = RowBuilder(Reading("X", UTC))
    largest, smallest = float(np.finfo(float).max), 5e-324
    for price in (largest, smallest):
        builder.add(0, {"timestamp": 0, "bid": price, "ask": price})
    assert usable(builder.build())[0].value.tolist() == [largest, smallest]


def test_rejects_come_in_the_order_of_rows() -> None:
    rejects = rejected([(3, "b", "c"), (1, "a", "d")], lambda row: b"%d" % row, lambda row: f"file:{row}")
    assert [(reject.data, reject.origin, reject.reason) for reject in rejects] == [
        (b"1", "file:1", "a"),
        (b"3", "file:3", "b"),
    ]
