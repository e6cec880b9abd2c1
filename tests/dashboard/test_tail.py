from __future__ import annotations

import pyarrow as pa
from tests.dashboard.made_up import metrics_rows
from tests.memory import MemoryWarehouse

from fsictl.dashboard.tail import Fresh, Tail


def rows_of(fresh: Fresh) -> list[tuple[str, int]]:
    ends = [(timestamp + 1) // 1000 for timestamp in fresh.rows["timestamp"].to_pylist()]
    return sorted(zip(fresh.rows["symbol"].to_pylist(), ends, strict=True))


def test_rows_are_given_once_and_none_is_missed() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(100)))
    warehouse.write("metrics", metrics_rows("B", range(50)))
    tail = Tail(warehouse, "metrics", ["LAST"])
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
    tail = Tail(warehouse, "metrics", ["LAST"])
    tail.poll()
    tail.poll()
    assert warehouse.reads == 0


def test_a_symbol_that_appears_later_gives_its_newest_row() -> None:
    warehouse = MemoryWarehouse()
    tail = Tail(warehouse, "metrics", ["LAST"])
    assert rows_of(tail.poll()) == []
    assert not tail.places
    warehouse.write("metrics", metrics_rows("B", range(10)))
    assert rows_of(tail.poll()) == [("B", 9)]


def test_too_much_at_once_is_said() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(10)))
    tail = Tail(warehouse, "metrics", ["LAST"], most=5)
    tail.poll()
    warehouse.write("metrics", metrics_rows("A", range(10, 30)))
    fresh = tail.poll()
    assert not fresh.complete
    assert rows_of(fresh) == [("A", second) for second in range(25, 30)]
    assert tail.poll().complete


def test_rows_that_are_gone_are_said_and_new_ones_are_seen() -> None:
    warehouse = MemoryWarehouse()
    warehouse.write("metrics", metrics_rows("A", range(10)))
    tail = Tail(warehouse, "metrics", ["LAST"])
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
    tail = Tail(warehouse, "metrics", ["LAST"])
    tail.poll()
    warehouse.write("metrics", metrics_rows("A", [100]))
    assert rows_of(tail.poll()) == [("A", 100)]
    assert rows_of(tail.poll()) == [("A", 101)]
