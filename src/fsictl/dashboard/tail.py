"""Following a table of the warehouse: which rows are new since the last look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import TABLES

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Fresh:
    """New rows; not ``complete`` when there were too many and only the newest are here, or when rows are gone."""

    rows: pa.Table
    complete: bool


class Tail:
    """Gives the rows of each symbol that come after the last one it gave.

    Asking for the extents says which symbols moved on; only those are read, the ones that stood at the same second
    together. So a quiet table costs one question, and a live one few reads.
    """

    def __init__(self, warehouse: Warehouse, table: str, columns: Sequence[str], *, most: int = 4000) -> None:
        self._warehouse = warehouse
        self._table = table
        self._columns = ["symbol", "timestamp", *columns]
        self._most = most
        self._places: dict[str, int] = {}
        self._started = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the table at the last look, sorted."""
        return tuple(sorted(self._places))

    @property
    def newest(self) -> int | None:
        """The largest timestamp in the table at the last look, or ``None`` when it was empty."""
        return max(self._places.values(), default=None)

    def poll(self) -> Fresh:
        """The new rows. The first look gives none, a symbol that comes later its newest (incomplete if it has more)."""
        import pyarrow as pa

        from fsictl.records.arrow import empty_table

        found = self._warehouse.extents(self._table)
        extents = {extent.symbol: extent.last for extent in found}
        whole = not self._started or all(extent.symbol in self._places or extent.rows == 1 for extent in found)
        whole = whole and all(extents.get(symbol, -1) >= place for symbol, place in self._places.items())
        moved: dict[int, list[str]] = defaultdict(list)
        for symbol, last in extents.items():
            place = self._places.get(symbol, last - 1 if self._started else last)
            if last > place:
                moved[place].append(symbol)
        self._places = extents
        self._started = True
        parts = [empty_table(TABLES[self._table]).select(self._columns)]
        for place, names in moved.items():
            part = self._warehouse.read(
                self._table, symbols=names, start=place + 1, columns=self._columns, newest=self._most
            )
            whole = whole and part.num_rows < self._most
            parts.append(self._up_to_extents(part))
        return Fresh(pa.concat_tables(parts), whole)

    def _up_to_extents(self, rows: pa.Table) -> pa.Table:
        """Without the rows that were written after the extents were asked for: the next look gives them."""
        import pyarrow as pa

        ends = (self._places[symbol] for symbol in rows["symbol"].to_pylist())
        keep = [time <= end for time, end in zip(rows["timestamp"].to_pylist(), ends, strict=True)]
        return rows.filter(pa.array(keep, pa.bool_()))
