from __future__ import annotations

import pyarrow as pa
from tests.dashboard.made_up import metrics_rows
from tests.memory import MemoryWarehouse

from fsictl.clock import ManualClock
from fsictl.dashboard.tail import Fresh, Tail
from fsictl.ports.warehouse import Extent


def rows_of(fresh: Fresh) -> list[tuple[str, int]]:
    ends = [(timestamp + 1) // 1000 for timestamp in fresh.rows["timestamp"].to_pylist()]
    return sorted(zip(fresh.rows["symbol"].to_pylist(), ends, strict=True))


def test_rows_are_given_once_and_none_is_missed() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(100)))
    warehouse.write("metrics", metrics_rows("B", range(50)))
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock())
    assert rows_of(tail.poll()) == []
    assert dict(tail.places) == {"A": 98_999, "B": 48_999}
    warehouse.write("metrics", metrics_rows("B", [50, 51, 52]))
    warehouse.write("metrics", metrics_rows("A", [100]))
    assert rows_of(tail.poll()) == [("A", 100), ("B", 50), ("B", 51), ("B", 52)]
    assert rows_of(tail.poll()) == []
    warehouse.write("metrics", metrics_rows("B", [53]))  # far behind A, and still new
    assert rows_of(tail.poll()) == [("B", 53)]


def test_a_quiet_table_is_not_read() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(100)))
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock())
    tail.poll()
    tail.poll()
    assert warehouse.reads == 0


def test_a_symbol_that_appears_later_gives_its_newest_row() -> None:
    warehouse = MemoryWarehouse()
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock())
    assert rows_of(tail.poll()) == []
    assert not tail.places
    warehouse.write("metrics", metrics_rows("B", range(10)))
    assert rows_of(tail.poll()) == [("B", 9)]


def test_too_much_at_once_is_said() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(10)))
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock(), most=5)
    tail.poll()
    warehouse.write("metrics", metrics_rows("A", range(10, 30)))
    fresh = tail.poll()
    assert not fresh.complete
    assert rows_of(fresh) == [("A", second) for second in range(25, 30)]
    assert tail.poll().complete


def test_rows_that_are_gone_are_said_and_new_ones_are_seen() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(10)))
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock())
    tail.poll()
    tail._warehouse = smaller = MemoryWarehouse()
    smaller.write("metrics", metrics_rows("A", range(5)))
    assert not tail.poll().complete
    smaller.write("metrics", metrics_rows("A", [5]))
    assert rows_of(tail.poll()) == [("A", 5)]


def test_rows_written_during_the_look_come_with_the_next() -> None:
    class Busy(MemoryWarehouse):
        def read(self, table: str, **how: object) -> pa.Table:
            self.write("metrics", metrics_rows("A", [101]))
            return super().read(table, **how)  # type: ignore[arg-type]  # passed on as they came

    warehouse = Busy()
    warehouse.write("metrics", metrics_rows("A", [99]))
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock())
    tail.poll()
    warehouse.write("metrics", metrics_rows("A", [100]))
    assert rows_of(tail.poll()) == [("A", 100)]
    assert rows_of(tail.poll()) == [("A", 101)]


def test_what_was_written_elsewhere_than_at_the_end_is_said() -> None:
    warehouse = MemoryWarehouse()
    for symbol in "AB":
        warehouse.write("metrics", metrics_rows(symbol, range(100, 200)))
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock())
    assert tail.poll().rewritten == frozenset()
    warehouse.write("metrics", metrics_rows("A", [200, 201]))
    fresh = tail.poll()
    assert (fresh.since(), fresh.rewritten) == ({"A": 200}, frozenset())
    warehouse.write("metrics", metrics_rows("A", [202]))
    warehouse.write("metrics", metrics_rows("B", [50]))
    assert tail.poll().since() == {"A": 202, "B": 0}
    warehouse.tables["metrics"] = warehouse.tables["metrics"].filter([second > 80 for second in range(204)])
    assert tail.poll().since() == {}  # the oldest rows are gone, as retention wants it


class Counting(MemoryWarehouse):
    """Counts how often extents are asked for."""

    asked = 0

    def extents(self, table: str) -> list[Extent]:
        self.asked += 1
        return super().extents(table)


def test_where_counting_is_dear_rows_come_without_it() -> None:
    warehouse, clock = Counting(), ManualClock()
    tail = Tail(warehouse, "metrics", ["LAST"], clock, extents_every=60)
    assert rows_of(tail.poll()) == []
    warehouse.write("metrics", metrics_rows("A", range(1000, 1500)))
    warehouse.write("metrics", metrics_rows("B", range(1000, 1490)))
    assert not tail.poll().complete  # both are new
    asked = warehouse.asked
    warehouse.write("metrics", metrics_rows("A", [1500, 1501]))
    warehouse.write("metrics", metrics_rows("B", [1490]))  # behind A, and still new
    assert rows_of(fresh := tail.poll()) == [("A", 1500), ("A", 1501), ("B", 1490)]
    assert fresh.complete
    assert dict(tail.places) == {"A": 1_500_999, "B": 1_489_999}
    assert rows_of(tail.poll()) == []
    warehouse.write("metrics", metrics_rows("C", [1501]))
    assert rows_of(fresh := tail.poll()) == [("C", 1501)]
    assert not fresh.complete  # there may be more of it
    warehouse.write("metrics", metrics_rows("D", [1100]))  # long ago
    assert rows_of(tail.poll()) == []
    assert warehouse.asked == asked
    clock.sleep(60)
    fresh = tail.poll()
    assert rows_of(fresh) == [("D", 1100)]
    assert fresh.rewritten == frozenset()
    assert warehouse.asked == asked + 1


def test_too_much_at_once_is_said_also_where_counting_is_dear() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(10)))
    tail = Tail(warehouse, "metrics", ["LAST"], ManualClock(), most=15, extents_every=60)
    tail.poll()
    warehouse.write("metrics", metrics_rows("A", range(10, 30)))
    assert not tail.poll().complete
    assert dict(tail.places) == {"A": 29_999 - 1000}
