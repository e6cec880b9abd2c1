from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.model.market import metrics_table
from tests.model.versions_of_chance import RULES

from fsictl.errors import NotEnoughDataError
from fsictl.model.columns import columns_of, empty_columns
from fsictl.model.data import drift, statistics, validate
from fsictl.model.features import FEATURES
from fsictl.model.split import split_windows

COLUMNS = columns_of(metrics_table(rows=3000, silent=[(2000, 2040)]))
NANS = np.full(len(COLUMNS), np.nan)


def test_statistics_count_rows_holes_and_fills():
    cut = COLUMNS.take(np.delete(np.arange(3000), [500, 501, 900]))
    told = statistics(cut, split_windows(cut, RULES), FEATURES)
    one = told["symbols"]["EURUSD"]
    assert (one["rows"], one["holes"]) == (2997, 2)
    assert one["filled"] == pytest.approx(41 / 2997, abs=1e-4)
    assert set(told["features"]) == set(FEATURES)
    for part in told["features"].values():
        assert sum(part["shares"]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rsi": NANS}, "never move"),
        ({"sma": NANS}, "SIMPLE_MOVING_AVERAGE is not a number"),
        ({"log_return": NANS}, "LOG_RTN is not a number"),
        ({"filled": np.ones(len(COLUMNS), bool)}, "only fill gaps"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused_with_the_reason(change, said):
    with pytest.raises(NotEnoughDataError, match=said):
        validate(replace(COLUMNS, **change))


def test_ordinary_rows_and_none_at_all_are_let_pass():
    validate(COLUMNS)
    validate(empty_columns())


def test_the_same_market_has_not_drifted_and_another_has():
    split = split_windows(COLUMNS, RULES)
    known = statistics(COLUMNS, split, FEATURES)
    assert max(drift(known, split, FEATURES).values()) < 0.01
    other = replace(split, features=split.features * np.float32(3) + np.float32(1))
    assert min(drift(known, other, FEATURES).values()) > 0.25
    assert drift({}, split, FEATURES) == {}
