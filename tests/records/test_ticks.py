from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fsictl.records.ticks import SequenceNumbers, Ticks

_ROWS = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 5), st.floats(1, 2)), max_size=30)


def _ticks(rows: list[tuple[str, int, float]]) -> Ticks:
    return Ticks.of([r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows])


def _rows(ticks: Ticks) -> list[tuple[str, int, float]]:
    return [(ticks.symbol_of(i), int(ticks.timestamp[i]), float(ticks.value[i])) for i in range(len(ticks))]


@given(_ROWS, st.lists(st.integers(0, 30), max_size=4))
def test_concat_puts_parts_together_under_one_dictionary(rows: list[tuple[str, int, float]], cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    parts = [_ticks(rows[a:b]) for a, b in pairwise(edges)]
    assert _rows(Ticks.concat(parts)) == rows


@given(_ROWS, st.lists(st.integers(0, 30), max_size=4))
def test_sequence_numbers_count_equal_times_whatever_the_batches(
    rows: list[tuple[str, int, float]], cuts: list[int]
) -> None:
    rows = sorted(rows, key=lambda row: row[1])
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    numbers = SequenceNumbers()
    found = [value for a, b in pairwise(edges) for value in numbers.number(_ticks(rows[a:b])).sequence]
    seen: Counter[tuple[str, int]] = Counter()
    expected = []
    for symbol, timestamp, _ in rows:
        expected.append(seen[symbol, timestamp])
        seen[symbol, timestamp] += 1
    assert found == expected
