"""Following a table of the warehouse: which rows are new since the last look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import TABLES

if TYPE_CHECKING:
    import pyarrow as pa


class SymbolList:
    """The symbols of the table ``metrics``; a new one is noticed after a few seconds.

    Counting what a table holds can take long when it is large, so the list is renewed after ``least`` seconds, or
    after fifty times as long as it took to make.
    """

    def __init__(self, warehouse: Warehouse, monotonic: Callable[[], float], *, least: float = 3.0) -> None:
        self._warehouse = warehouse
        self._monotonic = monotonic
        self._least = least
        self._names: tuple[str, ...] = ()
        self._renew_at = float("-inf")

    def names(self) -> tuple[str, ...]:
        """The symbols, sorted."""
        began = self._monotonic()
        if not self._names or began >= self._renew_at:
            self._names = tuple(extent.symbol for extent in self._warehouse.extents("metrics"))
            ended = self._monotonic()
            self._renew_at = ended + max(self._least, 50 * (ended - began))
        return self._names


@dataclass(frozen=True, slots=True)
class Fresh:
    """New rows; ``complete`` is false when there were too many, and only the newest are here."""

    rows: pa.Table
    complete: bool


class Tail:
    """Gives the rows of each symbol that come after the last one it gave.

    Symbols move on at different times, so each has its own place. Symbols that stand at the same second are read
    together: some reads for a live feed, each an index look-up. Of very many different places only the most
    recent ones are read every time, the others in turn.
    """

    def __init__(
        self, warehouse: Warehouse, table: str, columns: Sequence[str], *, groups: int = 48, most: int = 4000
    ) -> None:
        self._warehouse = warehouse
        self._table = table
        self._columns = ["symbol", "timestamp", *columns]
        self._groups = groups
        self._most = most
        self._places: dict[str, int] = {}
        self._started = False
        self._turn = 0

    def poll(self, symbols: Sequence[str]) -> Fresh:
        """The new rows of these symbols. The first look gives none; of a symbol that is new it gives one."""
        import pyarrow as pa

        from fsictl.records.arrow import empty_table

        for symbol in symbols:
            if symbol not in self._places:
                self._places[symbol] = self._newest(symbol) - (1 if self._started else 0)
        self._started = self._started or bool(symbols)
        parts = []
        complete = True
        for place, names in self._due(symbols):
            rows = self._warehouse.read(
                self._table, symbols=names, start=place + 1, columns=self._columns, newest=self._most
            )
            if rows.num_rows:
                parts.append(rows)
                complete = complete and rows.num_rows < self._most
                self._advance(rows)
        if not parts:
            return Fresh(empty_table(TABLES[self._table]).select(self._columns), True)
        return Fresh(pa.concat_tables(parts), complete)

    def _newest(self, symbol: str) -> int:
        rows = self._warehouse.read(self._table, symbols=[symbol], columns=["timestamp"], newest=1)
        return int(rows.column("timestamp")[-1].as_py()) if rows.num_rows else -1

    def _due(self, symbols: Sequence[str]) -> list[tuple[int, list[str]]]:
        groups: dict[int, list[str]] = defaultdict(list)
        for symbol in symbols:
            groups[self._places[symbol]].append(symbol)
        places = sorted(groups, reverse=True)
        recent, rest = places[: self._groups], places[self._groups :]
        if rest:
            share = max(self._groups // 4, 1)
            self._turn = (self._turn + share) % len(rest)
            recent += (rest + rest)[self._turn : self._turn + share]
        return [(place, groups[place]) for place in dict.fromkeys(recent)]

    def _advance(self, rows: pa.Table) -> None:
        newest = rows.group_by("symbol").aggregate([("timestamp", "max")])
        for symbol, place in zip(newest["symbol"].to_pylist(), newest["timestamp_max"].to_pylist(), strict=True):
            self._places[symbol] = max(place, self._places[symbol])
