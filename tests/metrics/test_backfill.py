"""A bounded input as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from tests.metrics.comparison import bytes_of

from fsictl.metrics.backfill import backfill
from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.records.ticks import Ticks

START = 1_700_000_000_000


def ticks(seconds: int, hertz: float = 3.0) -> Ticks:
    generator = np.random.default_rng(2)
    n = int(seconds * hertz * 3)
    return Ticks(
        ("C", "A", "B"),
        generator.integers(0, 3, n).astype(np.int32),
        START + generator.integers(0, seconds * 1000, n),
        1.1 + generator.integers(0, 100, n) * 1e-5,
        np.zeros(n, np.int32),
    )


def test_rows_are_sorted_and_do_not_depend_on_the_size_of_blocks() -> None:
    whole = list(backfill(ticks(1_000), MetricsParameters()))
    parts = list(backfill(ticks(1_000), MetricsParameters(), rows_per_block=64))
    assert len(parts) > len(whole)
    assert bytes_of(whole) == bytes_of(parts)
    table = table_of_block(MetricsBlock.concat(parts))
    assert table.equals(table.sort_by([("symbol", "ascending"), ("timestamp", "ascending")]))


@pytest.mark.parametrize("hertz", [0.005, 0.1, 50.0])
def test_blocks_are_bounded(hertz: float) -> None:
    """However sparse or dense the ticks are: no block is longer than asked for by more than one filled gap."""
    blocks = list(backfill(ticks(2_000, hertz), MetricsParameters(), rows_per_block=100))
    assert max(map(len, blocks)) <= 100 + 2 * 61


def test_ticks_of_symbols_without_any_give_nothing() -> None:
    assert not list(backfill(ticks(10).take(slice(0, 0)), MetricsParameters()))
