"""Blocks read at once against the same blocks read line by line."""

from __future__ import annotations

import json
from datetime import UTC

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fsictl.prices.jsonlines import parse_block, parse_lines
from fsictl.prices.rows import Reading, usable

READING = Reading("X", UTC)

values = st.one_of(
    st.floats().map(json.dumps),
    st.integers(-5, 2**70).map(str),
    st.sampled_from(['"1.5"', "null", "true", "1e999", "-0", "01", "1.", '"2020-01-01"', "{}", "[1]", '"a\\u0041"']),
)
names = st.sampled_from(["symbol", "timestamp", "value", "price", "bid", "ask", "Value", "x"])
plain = st.builds(
    lambda time, value: f'{{"symbol":"A","timestamp":{time},"value":{value}}}',
    st.integers(-1, 2**63).map(str),
    values,
)
objects = st.lists(st.tuples(names, values), max_size=4).map(
    lambda pairs: "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"
)
lines = st.one_of(plain, objects, st.just(""), st.text('{}[]":,1a \r', max_size=8))


def outcome(block: bytes, whole: bool) -> tuple[list[tuple[str, int, float]], list[int]]:
    rows, problems = parse_block(block, READING) if whole else parse_lines(block, READING)
    ticks, unusable = usable(rows)
    columns = zip(ticks.timestamp.tolist(), ticks.value.tolist(), strict=True)
    return [(ticks.symbol_of(i), *row) for i, row in enumerate(columns)], sorted(
        row for row, _, _ in problems + unusable
    )


GOOD = '{"symbol":"A","timestamp":1,"value":1.5}'


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(plain, lines), min_size=1, max_size=4))
@example([GOOD + GOOD, ""])
@example([GOOD + GOOD, "", GOOD])
@example(['{"symbol":"A","timestamp":1,"value":1,"value":2}'])
@example(['{"symbol":"A","timestamp":1,"value":1,}'])
@example(['{"symbol":"A","timestamp":1.0,"value":1}'])
@example(['{"symbol":"A","timestamp":1e3,"value":1}'])
@example(['{"symbol":"A","timestamp":"1","value":1}'])
@example(['{"symbol":"A","timestamp":1,"value":"1"}'])
@example(['{"symbol":"A","timestamp":1,"value":1}/**/'])
def test_outcomes_are_alike(block: list[str]) -> None:
    data = "\n".join(block).encode()
    assert outcome(data, whole=True) == outcome(data, whole=False)


def test_our_own_lines_are_read_at_once() -> None:
    rows, problems = parse_block("\n".join([GOOD] * 100).encode(), READING)
    assert rows.ask is None  # line by line there would be one
    assert problems == []
    assert len(rows.row) == 100
