from __future__ import annotations

import numpy as np
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import metrics_rows, verdict_rows

from fsictl.dashboard.board import Board
from fsictl.model.aliases import BySymbol


def filled_board(stores: Stores, champion: str | None = None) -> Board:
    board = Board()
    board.fill(
        stores.warehouse, {one.symbol: one.last for one in stores.warehouse.extents("metrics")}, BySymbol(champion)
    )
    return board


def test_it_has_the_newest_row_its_verdict_and_the_trend(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", range(1000, 2000), LAST=np.arange(1000.0)))
    stores.warehouse.write("metrics", metrics_rows("B", [1005]))
    stores.warehouse.write("reconerr", verdict_rows("A", [1990, 1991], reconstruction_error=np.array([0.1, 0.2])))
    a, b = filled_board(stores).rows()
    assert (a["symbol"], a["time"], a["price"], a["rsi"]) == ("A", 1999, 999.0, 50.0)
    assert (a["verdict"]["time"], a["verdict"]["error"]) == (1991, 0.2)
    assert a["trend"] == [float(second - 1000) for second in range(1700, 2000, 5)]
    assert (b["time"], b["verdict"], b["trend"]) == (1005, None, [])


def test_an_empty_store_has_no_rows(stores: Stores) -> None:
    board = filled_board(stores)
    assert board.rows() == []
    assert board.newest("A") is None


def test_rows_that_are_added_are_as_if_they_had_been_there(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", range(1000, 1500), LAST=np.arange(500.0)))
    stores.warehouse.write("reconerr", verdict_rows("A", [1490]))
    board = filled_board(stores)
    for start in range(1500, 2000, 7):
        rows = metrics_rows("A", range(start, start + 7), LAST=np.arange(start, start + 7.0))
        verdicts = verdict_rows("A", [start + 3])
        stores.warehouse.write("metrics", rows)
        stores.warehouse.write("reconerr", verdicts)
        board.add_rows(rows)
        board.add_verdicts(verdicts, BySymbol())
    assert board.rows() == filled_board(stores).rows()
    assert board.newest("A") == 2003


def test_a_missing_rsi_is_null(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", [1], RELATIVE_STRENGTH_INDICATOR=[None]))
    assert filled_board(stores).rows()[0]["rsi"] is None


def test_the_champion_speaks_whichever_verdict_comes_first() -> None:
    first, second = (verdict_rows("A", [100], model_version=[name]) for name in ("v1", "v2"))
    for champions, order, expected in [
        (BySymbol("v1"), (first, second), "v1"),
        (BySymbol("v1"), (second, first), "v1"),
        (BySymbol("v2", {"A": "v1"}), (second, first), "v1"),
        (BySymbol(), (first, second), "v2"),
    ]:
        board = Board()
        board.add_rows(metrics_rows("A", [100]))
        for verdict in order:
            board.add_verdicts(verdict, champions)
        assert board.rows()[0]["verdict"]["model_version"] == expected
    board.add_verdicts(verdict_rows("A", [99]), BySymbol())  # an older one changes nothing
    assert board.rows()[0]["verdict"]["time"] == 100


def test_a_verdict_holds_for_ten_seconds_and_a_quiet_symbol_has_none() -> None:
    board = Board()
    board.add_rows(metrics_rows("A", [100]))
    board.add_verdicts(verdict_rows("A", [100]), BySymbol())
    board.add_rows(metrics_rows("A", range(101, 111)))
    assert board.rows()[0]["verdict"] is not None
    board.add_rows(metrics_rows("A", [111]))
    assert board.rows()[0]["verdict"] is None
    board.add_rows(metrics_rows("B", [122]))
    assert [row["trend"] for row in board.rows()] == [[], []]
