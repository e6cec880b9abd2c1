"""Following a table of the warehouse: which rows are new since the last look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsictl.dashboard.episodes import seconds_of
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import TABLES

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Fresh:
    """New rows; not ``complete`` when there were too many and only the newest are here, or when rows are gone.

    ``rewritten`` are symbols whose table grew or shrank elsewhere than at its end.
    """

    rows: pa.Table
    complete: bool
    rewritten: frozenset[str] = frozenset()

    def since(self) -> dict[str, int]:
        """The end of each symbol's first bar among these rows (s); for those that were rewritten that is 0."""
        first = self.rows.group_by("symbol").aggregate([("timestamp", "min")])
        found = zip(first["symbol"].to_pylist(), first["timestamp_min"].to_pylist(), strict=True)
        return {symbol: seconds_of(time) for symbol, time in found} | dict.fromkeys(self.rewritten, 0)


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
        self._counts: dict[str, int] = {}
        self._started = False

    @property
    def places(self) -> Mapping[str, int]:
        """Every symbol of the table with its largest timestamp, at the last look."""
        return self._places

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
        counts, self._counts = self._counts, {extent.symbol: extent.rows for extent in found}
        self._places = extents
        self._started = True
        parts = [empty_table(TABLES[self._table]).select(self._columns)]
        for place, names in moved.items():
            part = self._warehouse.read(
                self._table, symbols=names, start=place + 1, columns=self._columns, newest=self._most
            )
            whole = whole and part.num_rows < self._most
            parts.append(self._up_to_extents(part))
        rows = pa.concat_tables(parts)
        given = Counter(rows["symbol"].to_pylist())
        rewritten = (symbol for symbol, count in counts.items() if self._counts.get(symbol) != count + given[symbol])
        return Fresh(rows, whole, frozenset(rewritten))

    def _up_to_extents(self, rows: pa.Table) -> pa.Table:
        """Without the rows that were written after the extents were asked for: the next look gives them."""
        import pyarrow as pa

        ends = (self._places[symbol] for symbol in rows["symbol"].to_pylist())
        keep = [time <= end for time, end in zip(rows["timestamp"].to_pylist(), ends, strict=True)]
        return rows.filter(pa.array(keep, pa.bool_()))
