from __future__ import annotations

import numpy as np
import pyarrow as pa
from tests.model.market import metrics_table

from fsictl.model.columns import COLUMNS, columns_of, empty_columns, merged, table_of_columns
from fsictl.records.arrow import arrow_schema
from fsictl.records.schemas import METRICS

TABLE = pa.concat_tables([metrics_table("USDJPY", rows=50), metrics_table("EURUSD", rows=40, silent=[(10, 15)])])


def test_rows_are_sorted_and_repeated_ones_are_dropped():
    rng = np.random.default_rng(0)
    shuffled = pa.concat_tables([TABLE, TABLE]).take(pa.array(rng.permutation(180)))
    ordered, expected = columns_of(shuffled), columns_of(TABLE)
    assert ordered.symbols == ("EURUSD", "USDJPY")
    assert ordered.code.tolist() == [0] * 40 + [1] * 50
    for name in ("timestamp", "close", "ticks", "rsi"):
        np.testing.assert_array_equal(getattr(ordered, name), getattr(expected, name))


def test_a_filled_bar_has_no_ticks_and_a_null_rsi_is_nan():
    columns = columns_of(TABLE)
    assert columns.ticks[columns.filled].tolist() == [0] * 5
    assert np.isnan(columns.rsi[0])


def test_no_rows():
    assert len(columns_of(arrow_schema(METRICS).empty_table())) == 0
    both, fresh = merged(empty_columns(), empty_columns())
    assert len(both) == len(fresh) == 0


def test_a_table_and_back():
    columns = columns_of(TABLE)
    table = table_of_columns(columns)
    assert tuple(table.column_names) == COLUMNS
    np.testing.assert_array_equal(columns_of(table).close, columns.close)
    np.testing.assert_array_equal(columns_of(table).ticks, columns.ticks)


def test_merging_keeps_only_what_is_after_the_last_row_of_its_symbol():
    old = columns_of(metrics_table("USDJPY", rows=20))
    both, fresh = merged(old, columns_of(TABLE))
    assert len(both) == 90
    assert both.symbols == ("EURUSD", "USDJPY")
    assert fresh.tolist() == [True] * 40 + [False] * 20 + [True] * 30
    assert np.all(np.diff(both.timestamp[both.code == 1]) == 1000)
    again, fresh = merged(both, columns_of(TABLE))
    assert len(again) == 90
    assert not fresh.any()
