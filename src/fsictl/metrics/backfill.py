"""All rows of a bounded input, symbol by symbol, in bounded memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import IntArray, Ticks

ROWS_PER_BLOCK = 20_000


def backfill(
    ticks: Ticks, parameters: MetricsParameters, *, rows_per_block: int = ROWS_PER_BLOCK
) -> Iterator[MetricsBlock]:
    """The rows of these ticks in blocks, sorted by symbol and timestamp.

    Ticks may come in any order and none is late; those of one symbol with equal timestamps count in the order given
    (rows of the table ``prices``, read by their key, have the order in which they were published). At the end every
    symbol fills up to its ``max_gap``. A block has about ``rows_per_block`` rows of one symbol.
    The rows are the same to the bit as those of an operator that got the ticks as a stream.

    >>> ticks = Ticks.of(["B", "A", "A"], [500, 2_500, 1_500], [2.0, 1.1, 1.0])
    >>> blocks = list(backfill(ticks, MetricsParameters(max_gap=0)))
    >>> [(block.symbols, block.columns["LAST"].tolist()) for block in blocks]
    [(('A',), [1.0]), (('A',), [1.1]), (('B',), [2.0])]
    """
    order = np.lexsort((ticks.timestamp, ticks.code))
    bounds = np.searchsorted(ticks.code[order], np.arange(len(ticks.symbols) + 1))
    for code in sorted(range(len(ticks.symbols)), key=ticks.symbols.__getitem__):
        mine = order[bounds[code] : bounds[code + 1]]
        yield from _of_one_symbol(ticks, mine, parameters, rows_per_block)


def _of_one_symbol(
    ticks: Ticks, order: IntArray, parameters: MetricsParameters, rows_per_block: int
) -> Iterator[MetricsBlock]:
    if not len(order):
        return
    operator = MetricsOperator(parameters)
    for part in _parts(ticks.timestamp[order] // 1000, parameters.max_gap, rows_per_block):
        batch = ticks.take(order[part])
        operator.process(batch)
        block = operator.on_watermark(int(batch.timestamp[-1]))
        if len(block):
            yield block
    block = operator.on_watermark(None)
    if len(block):
        yield block


def _parts(second: IntArray, max_gap: int, rows_per_block: int) -> Iterator[slice]:
    """Cuts sorted ticks where so many rows are full: every second between two ticks is one, up to ``max_gap``."""
    rows = np.cumsum(np.minimum(np.diff(second, prepend=second[:1]), max_gap + 1))
    cuts = np.flatnonzero(np.diff(rows // rows_per_block)) + 1
    for start, end in itertools.pairwise([0, *cuts.tolist(), len(second)]):
        yield slice(start, end)
