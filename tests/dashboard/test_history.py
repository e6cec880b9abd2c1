from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import lively, metrics_rows, verdict_rows

from fsictl.clock import ManualClock
from fsictl.dashboard.history import Request, answer
from fsictl.dashboard.pieces import read_pieces, within
from fsictl.dashboard.shelf import Shelf


def history(stores: Stores, request: Request) -> Any:
    """The answer of pieces that are read anew."""
    return json.loads(answer(request, read_pieces(stores.warehouse, request.stretches())))


def test_history_joins_verdicts_by_second(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", range(100, 110)))
    stores.warehouse.write("reconerr", verdict_rows("A", [98, 103, 104, 200], unreliable=np.ones(4, bool)))
    answer = history(stores, Request("A", 100, 109, 100, None))
    assert answer["columns"]["time"] == list(range(100, 110))
    assert [i for i, flag in enumerate(answer["columns"]["unreliable"]) if flag] == [3, 4]
    assert answer["columns"]["error"][:4] == [None, None, None, 0.4]
    assert not answer["thinned"]
    assert set(map(len, answer["columns"].values())) == {10}


def test_history_without_rows_is_empty(stores: Stores) -> None:
    answer = history(stores, Request("A", 100, 109, 100, None))
    assert answer["rows"] == 0
    assert set(map(len, answer["columns"].values())) == {0}


def test_history_of_a_day_is_thinned_but_keeps_extremes_and_every_short_verdict(stores: Stores) -> None:
    prices = 1 + np.random.default_rng(1).standard_normal(86_400) * 1e-3
    stores.warehouse.write("metrics", metrics_rows("A", range(86_400), LAST=prices))
    unreliable = np.zeros(86_400, bool)
    unreliable[40_000] = True
    stores.warehouse.write("reconerr", verdict_rows("A", range(86_400), unreliable=unreliable))
    answer = history(stores, Request("A", 0, 86_400, 3000, None))
    columns = answer["columns"]
    assert answer["thinned"]
    assert 500 < len(columns["time"]) <= 3100
    assert max(columns["price"]) == round(prices.max(), 8)
    assert min(columns["price"]) == round(prices.min(), 8)
    marked = columns["unreliable"].index(True)
    assert columns["time"][marked - 1 : marked + 2] == [39_999, 40_000, 40_001]


def test_missing_rows_break_the_line(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", [*range(100, 105), *range(200, 205)]))
    columns = history(stores, Request("A", 100, 204, 100, None))["columns"]
    hole = columns["time"].index(105)
    assert [columns[name][hole] for name in ("price", "rsi", "error")] == [None, None, None]
    assert columns["time"] == [*range(100, 106), *range(200, 205)]


def test_a_missing_rsi_is_null(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", [1], RELATIVE_STRENGTH_INDICATOR=[None]))
    assert history(stores, Request("A", 0, 2, 100, None))["columns"]["rsi"] == [None]


def test_pieces_joined_are_what_one_read_gives(stores: Stores) -> None:
    seconds = np.r_[np.arange(0, 3600), np.arange(3700, 8000), np.arange(20_000, 20_100)]
    stores.warehouse.write("metrics", metrics_rows("A", seconds, LAST=seconds / 1e4))
    columns = history(stores, Request("A", 0, 20_099, 200_000, None))["columns"]
    told = [time for time, price in zip(columns["time"], columns["price"], strict=True) if price is not None]
    assert told == seconds.tolist()
    holes = [time for time, price in zip(columns["time"], columns["price"], strict=True) if price is None]
    assert holes == [3600, 8000]


@pytest.mark.parametrize("points", [120, 100_000])
def test_what_is_cut_out_of_pieces_is_what_they_have_there(stores: Stores, points: int) -> None:
    metrics, verdicts = lively("A", 0, 3000, price=1.1, seed=3)
    stores.warehouse.write("metrics", metrics.filter([row % 700 > 40 for row in range(3000)]))
    stores.warehouse.write("reconerr", verdicts)
    request = Request("A", 0, 2999, points, None)
    columns = history(stores, request)["columns"]
    for start, end in [(0, 599), (1, 2998), (700, 740), (777, 1888), (1399, 1441), (2999, 2999)]:
        whole = read_pieces(stores.warehouse, request.stretches())
        cut = [within(piece, start, end) for piece in whole]
        told = json.loads(answer(Request("A", start, end, points, None), cut))["columns"]
        inside = [
            i for i, time in enumerate(columns["time"]) if start <= time <= end and columns["price"][i] is not None
        ]
        known = [i for i, price in enumerate(told["price"]) if price is not None]
        for name, values in columns.items():
            assert [told[name][i] for i in known] == [values[i] for i in inside], name
        assert told["price"][-1:] != [None]


def test_pieces_from_the_shelf_give_the_answer_of_fresh_ones(stores: Stores) -> None:
    shelf = Shelf(ManualClock())
    metrics, verdicts = lively("A", 10_000, 9_000, price=1.1, seed=3)
    stores.warehouse.write("metrics", metrics)
    stores.warehouse.write("reconerr", verdicts)
    for start, end in [(12_000, 18_999), (12_005, 18_990), (10_000, 18_999)]:
        request = Request("A", start, end, 500, None)
        kept = shelf.get(request.stretches(), 18_999, lambda run: read_pieces(stores.warehouse, run))
        assert json.loads(answer(request, kept)) == history(stores, request)
    assert len(shelf) > 0
