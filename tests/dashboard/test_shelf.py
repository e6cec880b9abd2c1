from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import metrics_rows

from fsictl.clock import ManualClock
from fsictl.dashboard.pieces import Piece, Stretch, read_pieces
from fsictl.dashboard.shelf import Shelf


class Reader:
    """Reads pieces and counts how often."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.times = 0

    def __call__(self, run: Sequence[Stretch]) -> list[Piece]:
        self.times += 1
        return read_pieces(self.stores.warehouse, run)


@pytest.fixture
def reader(stores: Stores) -> Reader:
    for symbol in "AB":
        stores.warehouse.write("metrics", metrics_rows(symbol, np.arange(1000)))
    return Reader(stores)


def stretch(symbol: str, start: int) -> Stretch:
    return Stretch(symbol, start, start + 99, 1000, 2.0, None)


def test_a_piece_that_is_over_is_read_once(reader: Reader) -> None:
    shelf = Shelf(ManualClock())
    assert [shelf.get([stretch("A", 100)], 999, reader)[0].rows for _ in range(3)] == [100, 100, 100]
    assert reader.times == 1
    shelf.get([stretch("A", 950)], 999, reader)
    shelf.get([stretch("A", 950)], 999, reader)  # it goes on
    assert reader.times == 3


def test_it_holds_so_many_rows_and_those_asked_for_last(reader: Reader) -> None:
    shelf = Shelf(ManualClock(), most=300)
    for start in (0, 100, 200, 0, 300):
        shelf.get([stretch("A", start)], 999, reader)
    assert (len(shelf), reader.times) == (3, 4)
    shelf.get([stretch("A", 0)], 999, reader)
    assert reader.times == 4
    shelf.get([stretch("A", 100)], 999, reader)
    assert (len(shelf), reader.times) == (3, 5)


def test_a_piece_is_read_again_after_a_while(reader: Reader) -> None:
    clock = ManualClock()
    shelf = Shelf(clock, seconds=60)
    shelf.get([stretch("A", 0)], 999, reader)
    clock.sleep(59)
    shelf.get([stretch("A", 0)], 999, reader)
    assert reader.times == 1
    clock.sleep(1)
    shelf.get([stretch("A", 0)], 999, reader)
    assert (len(shelf), reader.times) == (1, 2)


def test_rows_that_arrive_drop_the_pieces_of_their_time(reader: Reader) -> None:
    shelf = Shelf(ManualClock())
    for symbol in "AB":
        for start in (0, 100, 200):
            shelf.get([stretch(symbol, start)], 999, reader)
    shelf.arrived({"A": 199})
    assert len(shelf) == 4
    shelf.get([stretch("A", 0)], 999, reader)
    assert reader.times == 6
    shelf.arrived({"B": 0, "C": 0})
    assert len(shelf) == 1
    shelf.clear()
    assert len(shelf) == 0


def test_what_is_missing_of_a_run_is_read_at_once(reader: Reader) -> None:
    shelf = Shelf(ManualClock())
    run = [stretch("A", start) for start in range(0, 1000, 100)]
    shelf.get(run[4:5], 999, reader)
    assert [piece.seconds[0] for piece in shelf.get(run, 999, reader)] == list(range(0, 1000, 100))
    assert (len(shelf), reader.times) == (10, 2)
    shelf.get(run, 999, reader)
    assert (len(shelf), reader.times) == (10, 2)
