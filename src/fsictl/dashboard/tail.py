"""Following a table of the warehouse: which rows are new since the last look."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsictl.clock import Clock
from fsictl.dashboard.episodes import seconds_of
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

LATELY_MS = 120_000
"""How far back from the newest row rows may still come, where extents are dear."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """New rows; not ``complete`` when there were too many and only the newest are here, or when rows are gone.

    ``rewritten`` are symbols of which the table got other rows than these, or lost some that were not its oldest.
    """

    rows: pa.Table
    complete: bool
    rewritten: frozenset[str] = frozenset()

    def since(self) -> dict[str, int]:
        """The end of each symbol's first bar among these rows (s); for those that were rewritten that is 0."""
        first: dict[str, int] = {}
        for symbol, time in zip(self.rows["symbol"].to_pylist(), self.rows["timestamp"].to_pylist(), strict=True):
            first[symbol] = min(time, first.get(symbol, time))
        return {symbol: seconds_of(time) for symbol, time in first.items()} | dict.fromkeys(self.rewritten, 0)


class Tail:
    """Gives the rows of each symbol that come after the last one it gave.

    Asking for the extents says which symbols moved on; only those are read, the ones that stood at the same second
    together. So a quiet table costs one question, and a live one few reads.

    Where counting a table is dear, extents are asked for only every ``extents_every`` seconds. In between, the rows
    of the last two minutes are read; a symbol that is further behind the others waits for the next extents.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        table: str,
        columns: Sequence[str],
        clock: Clock,
        *,
        most: int = 4000,
        extents_every: float = 0.0,
    ) -> None:
        self._warehouse = warehouse
        self._table = table
        self._columns = ["symbol", "timestamp", *columns]
        self._clock = clock
        self._most = most
        self._extents_every = extents_every
        self._counted = float("-inf")
        self._places: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._firsts: dict[str, int] = {}
        self._started = False

    @property
    def places(self) -> Mapping[str, int]:
        """Every symbol of the table with its largest timestamp, at the last look."""
        return self._places

    def poll(self) -> Fresh:
        """The new rows. The first look gives none, a symbol that comes later its newest (incomplete if it has more)."""
        if self._places and self._clock.monotonic() - self._counted < self._extents_every:
            return self._after_the_newest()
        self._counted = self._clock.monotonic()
        return self._by_extents()

    def _by_extents(self) -> Fresh:
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
        firsts, self._firsts = self._firsts, {extent.symbol: extent.first for extent in found}
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
        trimmed = {symbol for symbol, first in firsts.items() if first < self._firsts.get(symbol, first)}
        other = {symbol for symbol, count in counts.items() if self._counts.get(symbol) != count + given[symbol]}
        return Fresh(rows, whole, frozenset(other - trimmed))

    def _up_to_extents(self, rows: pa.Table) -> pa.Table:
        """Without the rows that were written after the extents were asked for: the next look gives them."""
        return _filtered(rows, lambda symbol, time: time <= self._places[symbol])

    def _after_the_newest(self) -> Fresh:
        since = max(self._places.values()) - LATELY_MS
        found = self._warehouse.read(self._table, start=since, columns=self._columns, newest=self._most)
        rows = _filtered(found, lambda symbol, time: time > self._places.get(symbol, -1))
        counts = Counter(rows["symbol"].to_pylist())
        whole = found.num_rows < self._most and counts.keys() <= self._places.keys()
        latest = zip(rows["symbol"].to_pylist(), rows["timestamp"].to_pylist(), strict=True)  # in order of time
        self._places = {**self._places, **dict(latest)}
        self._counts = dict(Counter(self._counts) + counts)
        return Fresh(rows, whole)


def _filtered(rows: pa.Table, keep: Callable[[str, int], bool]) -> pa.Table:
    import pyarrow as pa

    pairs = zip(rows["symbol"].to_pylist(), rows["timestamp"].to_pylist(), strict=True)
    return rows.filter(pa.array([keep(symbol, time) for symbol, time in pairs], pa.bool_()))
