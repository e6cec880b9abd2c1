from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fsictl.dashboard.thinning import holes, thin

VALUES = arrays.arrays(np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6) | st.just(float("nan")))


@given(VALUES, st.integers(4, 500))
def test_thinning_keeps_extremes_and_ends(values: np.ndarray, points: int) -> None:
    kept = thin([values], points)
    assert (np.diff(kept) > 0).all()
    assert kept[0] == 0
    assert kept[-1] == len(values) - 1
    assert len(kept) <= points + 4
    if not np.isnan(values).all():
        assert np.nanmin(values[kept]) == np.nanmin(values)
        assert np.nanmax(values[kept]) == np.nanmax(values)


def test_wanted_rows_stay_if_they_are_few() -> None:
    flat = np.zeros(10_000)
    few = np.zeros(10_000, bool)
    few[[17, 4321]] = True
    assert {17, 4321} <= set(thin([flat], 100, keep=few).tolist())
    many = np.ones(10_000, bool)
    assert len(thin([flat], 100, keep=many)) <= 104


def test_holes_are_where_seconds_are_missing() -> None:
    assert holes(np.array([1, 2, 3])).tolist() == []
    assert holes(np.array([1, 3, 4, 90])).tolist() == [0, 2]
    assert holes(np.array([1, 3, 4, 90]), least=10).tolist() == [2]
    assert holes(np.array([], np.int64)).tolist() == []
