"""The state machine behind every engine: ticks in, the rows of closed seconds out."""

from __future__ import annotations

import numpy as np

from fsictl.metrics.bars import Bars, bars_of
from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.gaps import Seconds, fill
from fsictl.metrics.history import Owners, numbers
from fsictl.metrics.kernel import Column
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.pending import NOTHING, Pending
from fsictl.metrics.state import INFINITY_MS, NEVER, SymbolStates
from fsictl.records.ticks import IntArray, Ticks

_CELLS = 1 << 15  # rows that are computed at once: their columns fit into a cache

_BACKLOG = 120  # seconds with ticks that wait, beyond which they close in groups
_NEAR = 10  # seconds between two of them at most, so that a feed whose clock is ahead does not look like a backlog

_NO_DICTIONARY: tuple[tuple[str, ...], IntArray, bool] = ((), np.empty(0, np.int64), False)


class MetricsOperator:
    """Turns ticks of any number of symbols into rows of ``METRICS``, second by second.

    Drive it with ``process(batch)`` and then, every time, ``on_watermark(current)``, also when the watermark did not
    move: a second of a new or long silent symbol may lie far behind it and is emitted at once. A tick waits until
    the watermark reaches the end of its second; the second then closes, and later ticks of it are late. As long as
    none is late, the rows are the same to the bit for every batching and order of arrival.

    >>> operator = MetricsOperator(MetricsParameters(max_gap=1))
    >>> late = operator.process(Ticks.of(["X", "X"], [100, 1_200], [1.0, 1.2]))
    >>> operator.on_watermark(1_000).columns["LAST"].tolist(), operator.next_timer()
    ([1.0], 2000)
    >>> operator.on_watermark(None).columns["LAST"].tolist(), operator.next_timer()
    ([1.2, 1.2], None)
    """

    def __init__(self, parameters: MetricsParameters) -> None:
        self.parameters = parameters
        self._symbols: dict[str, int] = {}
        self._by_name: IntArray | None = None  # the symbols' numbers by name; None while that is their own order
        self._states = SymbolStates.empty(parameters)
        self._pending = Pending()
        self._watermark = 0
        self._dictionary: tuple[tuple[str, ...], IntArray, bool] = _NO_DICTIONARY
        self._newest_row = NEVER  # the last second that has a row of any symbol

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol seen so far."""
        return tuple(self._symbols)

    @property
    def late_counts(self) -> dict[str, int]:
        """The number of late ticks of each symbol seen so far."""
        return dict(zip(self._symbols, self._states.late.tolist(), strict=False))

    def process(self, ticks: Ticks) -> Ticks:
        """Take ticks in order of arrival; returns those that are late, which change nothing but a count.

        A tick is late when its second is not after the last second for which its symbol has a row. The ticks must
        be valid (see ``records.validation.validate_ticks``).
        """
        if not len(ticks):
            return ticks
        owner = self._owners(ticks)
        early = np.flatnonzero(ticks.timestamp < (self._newest_row + 1) * 1000)
        late = early[ticks.timestamp[early] // 1000 <= self._states.last_second[owner[early]]]
        if not len(late):
            self._pending.append(owner, ticks.timestamp, ticks.value)
            return ticks.take(slice(0))
        in_time = np.ones(len(ticks), bool)
        in_time[late] = False
        self._pending.append(owner[in_time], ticks.timestamp[in_time], ticks.value[in_time])
        np.add.at(self._states.late, owner[late], 1)
        return ticks.take(late)

    def on_watermark(self, watermark_ms: int | None, *, most_rows: int | None = None) -> MetricsBlock:
        """The rows of every second that ends at or before the watermark and has not been emitted yet.

        ``None`` is infinity, the end of a bounded input: everything pending closes and every symbol fills up to its
        ``max_gap``. A watermark below an earlier one counts as that earlier one, infinity too: to go on with live
        ticks later, keep a snapshot from before it. The rows are ordered by timestamp, then by symbol.

        With ``most_rows`` it stops after about so many rows, at the end of a second (one second of all symbols may
        be more): call it again before the next ``process``, until there are none.
        """
        asked = INFINITY_MS if watermark_ms is None else min(watermark_ms, INFINITY_MS)
        self._watermark = max(self._watermark, asked)
        begin, end = self._next_second(), self._watermark // 1000
        if begin >= end:
            return MetricsBlock.empty(self.symbols)
        if most_rows is not None:
            end = min(end, begin + max(most_rows // self._states.number, 1))
        if self._by_name is not None and begin // self.parameters.window > self._newest_row // self.parameters.window:
            self._renumber(self._by_name)
        bars = bars_of(*self._pending.take_before(end))
        blocks, used = [], 0
        while begin < end:
            until = min(end, self._end_of_run(begin))
            part = bars.until(until, used) if until < end or used else bars
            blocks.append(self._close(begin, until, part))
            used += len(part)
            waiting = int(bars.second[used]) if used < len(bars) else NOTHING
            begin = min(waiting, self._next_second()) if until < end else end
        self._newest_row = max(self._newest_row, int(self._states.last_second[: self._states.number].max()))
        return blocks[0] if len(blocks) == 1 else MetricsBlock.concat(blocks)

    def next_timer(self, *, in_groups: bool = False) -> int | None:
        """The lowest watermark in milliseconds at which there is something to emit.

        None when nothing is left to close or to fill. It may lie behind the current watermark between ``process``
        and the ``on_watermark`` that follows it.

        An engine that cannot ask for the watermark, but is woken by it, asks ``in_groups``: while ticks of more than
        two minutes wait, it is the watermark that closes a quarter of these seconds at once. An hour is then
        worked off in a few groups, and no row waits much longer than it does anyway. Until a group closes, no tick of
        it is late.
        """
        second = self._next_second()
        if second == NOTHING:
            return None
        if in_groups and self._pending.latest - second >= _BACKLOG:
            waiting = self._pending.run_from(second, near=_NEAR)
            if len(waiting) > _BACKLOG:
                second = int(waiting[len(waiting) // 4])
        return (second + 1) * 1000

    def snapshot(self) -> bytes:
        """The whole state as bytes, for ``restore``."""
        from fsictl.metrics.snapshot import Snapshot, encode

        return encode(Snapshot(self.parameters, tuple(self._symbols), self._watermark, self._states, self._pending))

    @classmethod
    def restore(cls, data: bytes, parameters: MetricsParameters) -> MetricsOperator:
        """The operator that ``snapshot`` was called on.

        Raises ``InputError`` when the bytes are no snapshot, are damaged, or were made with other parameters.
        """
        from fsictl.metrics.snapshot import decode

        snapshot = decode(data, parameters)
        operator = cls(parameters)
        operator._symbols = {symbol: owner for owner, symbol in enumerate(snapshot.symbols)}
        operator._sort_names()
        operator._watermark = snapshot.watermark_ms
        operator._states = snapshot.states
        operator._pending = snapshot.pending
        operator._newest_row = int(snapshot.states.last_second.max(initial=NEVER))
        return operator

    def _owners(self, ticks: Ticks) -> IntArray:
        """The number of each tick's symbol here; codes mean something else with every dictionary."""
        if self._dictionary[0] is not ticks.symbols and self._dictionary[0] != ticks.symbols:
            known = [self._symbols.get(symbol, -1) for symbol in ticks.symbols]
            self._dictionary = ticks.symbols, np.array(known, np.int64), min(known) >= 0
        _, number, all_known = self._dictionary
        owner = number.take(ticks.code)
        if all_known or owner.min() >= 0:
            return owner
        new = sorted(ticks.symbols[code] for code in np.unique(ticks.code[owner < 0]).tolist())
        self._symbols |= {symbol: len(self._symbols) + i for i, symbol in enumerate(new)}
        self._states.add(len(new))
        self._sort_names()
        self._dictionary = _NO_DICTIONARY
        return self._owners(ticks)

    def _sort_names(self) -> None:
        order = np.argsort(np.array(list(self._symbols)), kind="stable")
        self._by_name = None if (order[1:] > order[:-1]).all() else order

    def _renumber(self, order: IntArray) -> None:
        """Number the symbols by name: their states are then read in order. Worth it now and then, as it copies all."""
        names, number = list(self._symbols), np.empty_like(order)
        number[order] = np.arange(len(order))
        self._symbols = {names[old]: new for new, old in enumerate(order.tolist())}
        self._states.reorder(order)
        self._pending.renumber(number)
        self._dictionary = _NO_DICTIONARY
        self._by_name = None

    def _next_second(self) -> int:
        """The next second that gets a row, as far as is known; ``NOTHING`` if none does."""
        fills = self._states.next_fill(self.parameters.max_gap)
        return min(self._pending.earliest, int(fills.min(initial=NOTHING)))

    def _end_of_run(self, second: int) -> int:
        """How far the seconds from this one on can be computed at once: to the end of a chunk, and not too many."""
        end = second + max(_CELLS // self._states.number, 1)
        for width in (self.parameters.window, self.parameters.rsi_seconds):
            end = min(end, (second // width + 1) * width)
        return end

    def _close(self, begin: int, end: int, bars: Bars) -> MetricsBlock:
        """The rows of these seconds; ``bars`` are all in them, and some symbol has a row in the first."""
        owners = self._owners_between(begin, end, bars)
        seconds = fill(bars, self._states, owners, begin, end - begin, self.parameters.max_gap)
        rolling = self._states.windows.roll(owners, begin, seconds.rows, seconds.previous)
        return self._block(owners, begin, seconds, rolling)

    def _owners_between(self, begin: int, end: int, bars: Bars) -> Owners:
        """Every symbol with a row in these seconds, ordered by name."""
        if self._by_name is None and len(bars) == (end - begin) * self._states.number:
            return slice(0, self._states.number)  # as usual: every symbol has a tick in every second
        has_row = self._states.next_fill(self.parameters.max_gap) < end
        has_row[bars.owner] = True
        if self._by_name is not None:
            return self._by_name[has_row[self._by_name]]
        return slice(0, len(has_row)) if has_row.all() else np.flatnonzero(has_row)

    def _block(self, owners: Owners, begin: int, seconds: Seconds, rolling: dict[str, Column]) -> MetricsBlock:
        rows = seconds.rows
        seconds_number, symbols_number = rows.last.shape
        end = np.arange(begin + 1, begin + 1 + seconds_number).repeat(symbols_number)
        columns = {
            "timestamp": end * 1000 - 1,
            "endTimestamp": end,
            "FIRST": seconds.first,
            "LAST": rows.last,
            "FIRST_TIMESTAMP": seconds.first_ms,
            "LAST_TIMESTAMP": seconds.last_ms,
            "MIN": seconds.low,
            "MAX": seconds.high,
            "SUM": rows.total,
            "DATA_POINT_COUNT": rows.count,
            "GAP_FILLED": rows.filled,
            **rolling,
        }
        flat = {name: column.reshape(-1) for name, column in columns.items()}
        code = np.tile(numbers(owners).astype(np.int32), seconds_number)
        if rows.is_whole:
            return MetricsBlock(self.symbols, code, flat)
        present = rows.present.reshape(-1)
        return MetricsBlock(self.symbols, code[present], {name: column[present] for name, column in flat.items()})
