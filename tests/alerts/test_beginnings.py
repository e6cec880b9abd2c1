from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dashboard.made_up import verdict_rows
from tests.memory import MemoryWarehouse

from fsictl.alerts.beginnings import STEP_MS, episodes_since
from fsictl.alerts.episodes import COLUMNS, Alert, continued, episodes_of


def since(warehouse: MemoryWarehouse, start: int) -> list[Alert]:
    return episodes_since(warehouse, warehouse.read("reconerr", start=start, columns=COLUMNS), start)


@pytest.mark.parametrize("seconds", [40, 700, 5000])
def test_an_alert_keeps_its_start_however_long_ago_that_was(seconds: int) -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("reconerr", verdict_rows("A", range(10_000, 10_000 + seconds), alert=np.ones(seconds, bool)))
    warehouse.write("reconerr", verdict_rows("B", range(9_000, 9_010), alert=np.ones(10, bool)))
    cut = (10_000 + seconds - 5) * 1000
    assert since(warehouse, cut) == [episodes_of(warehouse.tables["reconerr"])[-1]]


def test_nothing_earlier_is_read_when_nothing_goes_on() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("reconerr", verdict_rows("A", [100, 200], alert=np.ones(2, bool)))
    assert [one.start for one in since(warehouse, 150_000)] == [199_999]
    assert warehouse.reads == 1


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 3000)), min_size=1, max_size=60, unique=True),
    st.integers(0, 3000),
)
def test_it_gives_the_episodes_of_all_rows_that_reach_into_the_time(rows: list[tuple[str, int]], start: int) -> None:
    warehouse = MemoryWarehouse()
    for symbol in "AB":
        seconds = sorted(at for name, at in rows if name == symbol)
        warehouse.write("reconerr", verdict_rows(symbol, seconds, alert=np.ones(len(seconds), bool)))
    whole = [one for one in episodes_of(warehouse.tables["reconerr"]) if one.end >= start * 1000]
    assert since(warehouse, start * 1000) == whole


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0, 9), st.booleans()), min_size=2, max_size=30),
    st.integers(1, 29),
)
def test_episodes_put_together_are_those_of_all_rows(moves: list[tuple[int, float, bool]], cut: int) -> None:
    seconds = np.cumsum([step for step, _, _ in moves])
    table = verdict_rows(
        "A",
        seconds,
        alert=np.ones(len(moves), bool),
        reconstruction_error=np.array([error for _, error, _ in moves]),
        side=["overbought" if over else "oversold" for _, _, over in moves],
    )
    first, second = episodes_of(table.slice(0, cut)), episodes_of(table.slice(cut))
    joined = continued(first[-1], second[0]) if second else None
    put = [*first[:-1], joined, *second[1:]] if joined else [*first, *second]
    assert put == episodes_of(table)


def test_a_step_is_longer_than_the_pause_that_ends_an_alert() -> None:
    from fsictl.alerts.episodes import MOST_APART_MS

    assert STEP_MS > MOST_APART_MS
