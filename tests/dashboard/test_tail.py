from __future__ import annotations

import itertools

from tests.dashboard.made_up import metrics_rows
from tests.dashboard.memory import MemoryWarehouse

from fsictl.clock import ManualClock
from fsictl.dashboard.tail import Fresh, SymbolList, Tail


def rows_of(fresh: Fresh) -> list[tuple[str, int]]:
    ends = [(timestamp + 1) // 1000 for timestamp in fresh.rows["timestamp"].to_pylist()]
    return sorted(zip(fresh.rows["symbol"].to_pylist(), ends, strict=True))


def test_rows_are_given_once_and_none_is_missed() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(100)))
    warehouse.write("metrics", metrics_rows("B", range(50)))
    tail = Tail(warehouse, "metrics", ["LAST"])
    assert rows_of(tail.poll(["A", "B"])) == []
    warehouse.write("metrics", metrics_rows("B", [50, 51, 52]))
    warehouse.write("metrics", metrics_rows("A", [100]))
    assert rows_of(tail.poll(["A", "B"])) == [("A", 100), ("B", 50), ("B", 51), ("B", 52)]
    assert rows_of(tail.poll(["A", "B"])) == []
    warehouse.write("metrics", metrics_rows("B", [53]))  # far behind A, and still new
    assert rows_of(tail.poll(["A", "B"])) == [("B", 53)]


def test_a_symbol_that_appears_later_gives_its_newest_row() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(10)))
    tail = Tail(warehouse, "metrics", ["LAST"])
    tail.poll(["A"])
    warehouse.write("metrics", metrics_rows("B", range(10)))
    assert rows_of(tail.poll(["A", "B"])) == [("B", 9)]


def test_a_symbol_without_rows_gives_its_first_ones() -> None:
    warehouse = MemoryWarehouse()
    tail = Tail(warehouse, "metrics", ["LAST"])
    assert rows_of(tail.poll(["A"])) == []
    warehouse.write("metrics", metrics_rows("A", [5, 6]))
    assert rows_of(tail.poll(["A"])) == [("A", 5), ("A", 6)]


def test_too_much_at_once_is_said() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(10)))
    tail = Tail(warehouse, "metrics", ["LAST"], most=5)
    tail.poll(["A"])
    warehouse.write("metrics", metrics_rows("A", range(10, 30)))
    fresh = tail.poll(["A"])
    assert not fresh.complete
    assert rows_of(fresh) == [("A", second) for second in range(25, 30)]
    assert rows_of(tail.poll(["A"])) == []


def test_many_places_are_read_in_turn() -> None:
    warehouse = MemoryWarehouse()
    names = [f"S{number:02}" for number in range(20)]
    for number, name in enumerate(names):
        warehouse.write("metrics", metrics_rows(name, range(number + 1)))
    tail = Tail(warehouse, "metrics", ["LAST"], groups=4)
    tail.poll(names)
    for name in names:
        warehouse.write("metrics", metrics_rows(name, [100]))
    seen = list(itertools.chain.from_iterable(rows_of(tail.poll(names)) for _ in range(40)))
    assert sorted(seen) == [(name, 100) for name in names]


def test_the_symbol_list_is_renewed_after_a_while() -> None:
    clock = ManualClock()
    warehouse = MemoryWarehouse()
    symbols = SymbolList(warehouse, clock.monotonic, least=3)
    assert symbols.names() == ()
    warehouse.write("metrics", metrics_rows("A", [1]))
    assert symbols.names() == ("A",)
    warehouse.write("metrics", metrics_rows("B", [1]))
    assert symbols.names() == ("A",)
    clock.sleep(3)
    assert symbols.names() == ("A", "B")
