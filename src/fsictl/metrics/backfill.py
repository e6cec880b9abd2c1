"""All rows of a bounded input, by symbol, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import IntArray, Ticks

ROWS_PER_BLOCK = 20_000

_TICKS_AT_ONCE = 100_000
_ROWS_AT_ONCE = 500_000
_SYMBOLS_AT_ONCE = 10_000
"""Symbols are computed together as long as they have no more rows than this, which wait to be sorted, and are no more
than this, each of which has its windows in memory."""


def backfill(
    ticks: Ticks, parameters: MetricsParameters, *, rows_per_block: int = ROWS_PER_BLOCK
) -> Iterator[MetricsBlock]:
    """The rows of these ticks in blocks, sorted by symbol and timestamp.

    Ticks may come in any order and none is late; those of one symbol with equal timestamps count in the order given
    (rows of the table ``prices``, read by their key, have the order in which they were published). At the end every
    symbol fills up to its ``max_gap``. A block has at most about ``rows_per_block`` rows.
    The rows are the same to the bit as those of an operator that got the ticks as a stream.

    >>> ticks = Ticks.of(["B", "A", "A"], [500, 2_500, 1_500], [2.0, 1.1, 1.0])
    >>> blocks = list(backfill(ticks, MetricsParameters(max_gap=0)))
    >>> [([block.symbols[code] for code in block.code], block.columns["LAST"].tolist()) for block in blocks]
    [(['A', 'A', 'B'], [1.0, 1.1, 2.0])]
    """
    for group in _groups(ticks, parameters):
        mine = np.flatnonzero(np.isin(ticks.code, group))
        order = mine[np.argsort(ticks.timestamp[mine], kind="stable")]
        blocks = _of_group(ticks, order, parameters, rows_per_block)
        yield from blocks if len(group) == 1 else _sorted(blocks, rows_per_block)


def _groups(ticks: Ticks, parameters: MetricsParameters) -> Iterator[list[int]]:
    """The codes of symbols with ticks in order of their names, together as long as they have few rows."""
    if not len(ticks):
        return
    every = int(np.ptp(ticks.timestamp)) // 1000 + 2 + parameters.max_gap
    most = np.minimum(np.bincount(ticks.code, minlength=len(ticks.symbols)) * (1 + parameters.max_gap), every)
    group: list[int] = []
    rows = 0
    for code in sorted(np.flatnonzero(most).tolist(), key=ticks.symbols.__getitem__):
        rows += int(most[code])
        if group and (rows > _ROWS_AT_ONCE or len(group) == _SYMBOLS_AT_ONCE):
            yield group
            group, rows = [], int(most[code])
        group.append(code)
    yield group


def _of_group(
    ticks: Ticks, order: IntArray, parameters: MetricsParameters, rows_per_block: int
) -> Iterator[MetricsBlock]:
    """The rows of a few symbols from their ticks in order of time, in blocks by timestamp."""
    operator = MetricsOperator(parameters)
    for start in range(0, len(order), _TICKS_AT_ONCE):
        batch = ticks.take(order[start : start + _TICKS_AT_ONCE])
        operator.process(batch)
        yield from _closed(operator, int(batch.timestamp[-1]), rows_per_block)
    yield from _closed(operator, None, rows_per_block)


def _closed(operator: MetricsOperator, watermark_ms: int | None, most_rows: int) -> Iterator[MetricsBlock]:
    while len(block := operator.on_watermark(watermark_ms, most_rows=most_rows)):
        yield block


def _sorted(blocks: Iterable[MetricsBlock], rows_per_block: int) -> Iterator[MetricsBlock]:
    """The same rows by symbol."""
    joined = MetricsBlock.concat(list(blocks))
    by_name = sorted(range(len(joined.symbols)), key=joined.symbols.__getitem__)
    place = np.empty(len(by_name), np.int64)
    place[by_name] = np.arange(len(by_name))
    order = np.argsort(place[joined.code], kind="stable")
    for start in range(0, len(order), rows_per_block):
        rows = order[start : start + rows_per_block]
        columns = {name: column[rows] for name, column in joined.columns.items()}
        yield MetricsBlock(joined.symbols, joined.code[rows], columns)
