from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.model.market import metrics_table

from fsictl.model.columns import columns_of
from fsictl.model.features import FEATURES, features_of, history_rows, rolling_sum

COLUMNS = columns_of(metrics_table(rows=900, silent=[(500, 520)]))
HISTORY = history_rows(300)


@settings(max_examples=60, deadline=None)
@given(end=st.integers(HISTORY, 899), extra=st.integers(0, 300), after=st.integers(0, 40))
def test_features_are_the_same_bits_on_a_long_history_and_on_the_needed_tail(end, extra, after):
    start = max(end - HISTORY - extra, 0)
    part = COLUMNS.take(np.arange(start, min(end + 1 + after, 900)))
    short = features_of(part, metrics_window=300)[end - start]
    assert short.tobytes() == features_of(COLUMNS, metrics_window=300)[end].tobytes()


def test_one_row_less_than_the_history_is_too_little():
    end = 700
    part = COLUMNS.take(np.arange(end - HISTORY + 1, end + 1))
    assert not np.array_equal(features_of(part, metrics_window=300)[-1], features_of(COLUMNS, metrics_window=300)[end])


def test_features_are_their_formulas():
    i, c = 640, COLUMNS
    sigma = np.sqrt(np.mean(c.log_return[i - 329 : i - 29] ** 2))
    spread = sigma * np.sqrt(300)
    expected = [
        c.log_return[i] / sigma,
        (c.sma[i] / c.close[i] - 1) / spread,
        (c.ema[i] / c.close[i] - 1) / sigma,
        c.deviation[i] / (c.close[i] * spread),
        np.log(np.sqrt(np.mean(c.log_return[i - 14 : i + 1] ** 2)) / sigma + 0.02),
        np.log1p(np.mean(c.ticks[i - 4 : i + 1])),
    ]
    made = features_of(c, metrics_window=300)
    assert made.shape == (900, len(FEATURES))
    np.testing.assert_allclose(made[i], expected, rtol=1e-6)


def test_a_filled_bar_has_no_ticks():
    assert features_of(COLUMNS, metrics_window=300)[519, 5] == 0.0


def test_the_price_level_cancels_out():
    cheap, dear = (columns_of(metrics_table(rows=700, seed=4, price=price)) for price in (0.7, 150.0))
    a, b = (features_of(columns, metrics_window=300)[HISTORY:] for columns in (cheap, dear))
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_a_flat_price_gives_finite_features():
    n = len(COLUMNS)
    flat = replace(
        COLUMNS,
        close=np.ones(n),
        sma=np.ones(n),
        ema=np.ones(n),
        deviation=np.zeros(n),
        log_return=np.zeros(n),
        ticks=np.zeros(n, np.int64),
    )
    assert np.isfinite(features_of(flat, metrics_window=300)).all()


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=80), st.integers(1, 90))
def test_rolling_sums_are_sums(values, width):
    array = np.array(values)
    expected = [array[max(0, i + 1 - width) : i + 1].sum() for i in range(len(array))]
    np.testing.assert_allclose(rolling_sum(array, width), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("window", "history"), [(60, 329), (300, 329), (3600, 3599)])
def test_history_covers_sigma_and_a_full_metrics_window(window, history):
    assert history_rows(window) == history
