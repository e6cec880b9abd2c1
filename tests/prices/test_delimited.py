"""Blocks read at once against the same blocks read line by line."""

from __future__ import annotations

from datetime import UTC

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fsictl.prices.delimited import parse_block, parse_lines
from fsictl.prices.layout import Layout
from fsictl.prices.rows import Reading, usable

READING = Reading("X", UTC, plain_symbols=True)
PRICE = Layout("csv", ("symbol", "timestamp", "value"))
QUOTES = Layout("csv", ("timestamp", "bid", "ask", ""))

numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(0, 1000, places=5).map(str),
    st.text("0123456789.eE+-naifxXtyNAINF _", max_size=8),
)
times = st.one_of(st.integers(-5, 2**53).map(str), st.just("2020-01-01"), st.text("0123456789-x ", max_size=6))
names = st.one_of(st.just("EURUSD"), st.just("EUR/USD"), st.text("AB /é\t", max_size=4))
newlines = st.sampled_from(["\n", "\r\n", "\n\n", "\r"])


def outcome(block: bytes, layout: Layout, whole: bool) -> tuple[list[tuple[str, int, float]], list[int]]:
    rows, problems = (parse_block if whole else parse_lines)(block, layout, READING)
    ticks, unusable = usable(rows)
    columns = zip(ticks.timestamp.tolist(), ticks.value.tolist(), strict=True)
    return [(ticks.symbol_of(i), *row) for i, row in enumerate(columns)], sorted(
        row for row, _, _ in problems + unusable
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(names, times, numbers), min_size=1, max_size=4), newlines)
@example([("A", "1", "0x10")], "\n")
@example([("A", "1", " 1.5 ")], "\n")
@example([("A", " 1 ", "1.5")], "\n")
@example([("A", "1", "1e-400")], "\n")
@example([("A", "1", "infinity")], "\n")
@example([("A", "1", "1.")], "\n")
@example([("A", "1", ".5")], "\n")
@example([("A", "1", "NULL")], "\n")
@example([("EURUSD", "1", "1"), ("EUR/USD", "1", "1")], "\n")
def test_prices(rows: list[tuple[str, str, str]], newline: str) -> None:
    block = newline.join(",".join(row) for row in rows).encode()
    assert outcome(block, PRICE, whole=True) == outcome(block, PRICE, whole=False)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(times, numbers, numbers, st.just("0")), min_size=1, max_size=4), newlines)
def test_quotes(rows: list[tuple[str, str, str, str]], newline: str) -> None:
    block = (newline.join(",".join(row) for row in rows) + newline).encode()
    assert outcome(block, QUOTES, whole=True) == outcome(block, QUOTES, whole=False)


def test_a_clean_block_is_read_at_once() -> None:
    block = b"".join(b"A,%d,1.5\n" % i for i in range(1000))
    rows, problems = parse_block(block, PRICE, READING)
    assert rows.ask is None  # line by line there would be one
    assert problems == []
    assert np.array_equal(rows.timestamp, np.arange(1000))
