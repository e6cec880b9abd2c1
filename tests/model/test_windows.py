from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.market import metrics_table

from fsictl.model.columns import columns_of
from fsictl.model.windows import (
    WindowRules,
    cut_windows,
    filled_share,
    gather,
    is_extreme,
    is_stale,
    run_lengths,
)

COLUMNS = columns_of(metrics_table(rows=200, silent=[(100, 140)]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), unique=True, max_size=60))
def test_runs_and_windows_are_what_a_slow_search_finds(keys):
    keys.sort()
    code = np.array([k for k, _ in keys], dtype=np.int64)
    timestamp = np.array([1000 * t + 999 for _, t in keys], dtype=np.int64)
    runs = run_lengths(code, timestamp)
    present = set(keys)
    for index, (symbol, second) in enumerate(keys):
        length = 1
        while (symbol, second - length) in present:
            length += 1
        assert runs[index] == length


def test_rows_off_the_second_grid_are_holes():
    assert run_lengths(np.zeros(3, np.int64), np.array([1000, 2001, 3001])).tolist() == [1, 1, 2]


def test_a_window_needs_its_rows_and_an_extreme_end():
    rsi = np.full(200, np.nan)
    rsi[[3, 4, 150]] = [80.0, 75.0, 10.0]
    columns = replace(COLUMNS, rsi=rsi)
    runs = run_lengths(columns.code, columns.timestamp)
    assert cut_windows(columns, runs, WindowRules(length=5)).tolist() == [4, 150]
    assert cut_windows(columns, runs, WindowRules(length=5, oversold=5)).tolist() == [4]


def test_limits_themselves_are_not_extreme():
    rsi = np.array([70.0, np.nextafter(70.0, 71.0), 30.0, np.nextafter(30.0, 29.0), np.nan])
    assert is_extreme(rsi, overbought=70.0, oversold=30.0).tolist() == [False, True, False, True, False]


def test_stale_by_silence_or_by_share_of_filled_rows():
    ends = np.arange(29, 200)
    rules = WindowRules(stale_after=20, most_filled=1.0)
    silence = ends[is_stale(COLUMNS, ends, rules)]
    assert silence.tolist() == list(range(119, 140))  # last tick at 99.700, row 119 ends at 119.999
    share = filled_share(COLUMNS, ends, 30)
    np.testing.assert_allclose(share, [COLUMNS.filled[end - 29 : end + 1].mean() for end in ends])
    filled = ends[is_stale(COLUMNS, ends, WindowRules(stale_after=1e9, most_filled=0.9))]
    assert filled.tolist() == ends[share > 0.9].tolist()
    assert len(filled) > 0


def test_gather_takes_the_rows_up_to_each_end():
    features = np.arange(40, dtype=np.float32).reshape(20, 2)
    windows = gather(features, np.array([4, 19]), 5)
    assert windows.shape == (2, 5, 2)
    np.testing.assert_array_equal(windows[1], features[15:20])
