"""The state machine behind every engine: ticks in, the rows of closed seconds out."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from fsictl.metrics.bars import Bars, bars_of
from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.gaps import Rows, closed_rows
from fsictl.metrics.kernel import Tape, rolling_columns, sliding
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.pending import Pending
from fsictl.metrics.state import INFINITY_MS, NOTHING_PENDING, SymbolStates
from fsictl.records.ticks import IntArray, Ticks

Scalar = TypeVar("Scalar", bound=np.generic)


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
        self._states = SymbolStates.unstarted(0, parameters.window)
        self._pending = Pending()
        self._watermark = 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol seen so far, in order of appearance."""
        return tuple(self._symbols)

    @property
    def late_counts(self) -> dict[str, int]:
        """The number of late ticks of each symbol seen so far."""
        return dict(zip(self._symbols, self._states.late.tolist(), strict=True))

    def process(self, ticks: Ticks) -> Ticks:
        """Take ticks in order of arrival; returns those that are late, which change nothing but a count.

        A tick is late when its second is not after the last second for which its symbol has a row. The ticks must
        be valid (see ``records.validation.validate_ticks``).
        """
        if not len(ticks):
            return ticks
        owner = self._owners(ticks)
        second = ticks.timestamp // 1000
        late = second <= self._states.last_second[owner]
        if not late.any():
            self._keep(owner, second, ticks)
            return ticks.take(slice(0))
        self._states.late += np.bincount(owner[late], minlength=len(self._states))
        self._keep(owner[~late], second[~late], ticks.take(~late))
        return ticks.take(late)

    def on_watermark(self, watermark_ms: int | None) -> MetricsBlock:
        """The rows of every second that ends at or before the watermark and has not been emitted yet.

        ``None`` is infinity, the end of a bounded input: everything pending closes and every symbol fills up to its
        ``max_gap``. A watermark below an earlier one counts as that earlier one, infinity too: to go on with live
        ticks later, keep a snapshot from before it. The rows are ordered by timestamp, then by symbol.
        """
        asked = INFINITY_MS if watermark_ms is None else min(watermark_ms, INFINITY_MS)
        self._watermark = max(self._watermark, asked)
        newest_second = self._watermark // 1000 - 1
        owners = np.flatnonzero(self._states.next_second(self.parameters.max_gap) <= newest_second)
        if not len(owners):
            return MetricsBlock.empty(self.symbols)
        bars = bars_of(*self._pending.take_until(newest_second, self._states.first_pending))
        rows = closed_rows(bars, self._states, owners, newest_second, self.parameters.max_gap)
        return self._emit(owners, bars, rows)

    def next_timer(self) -> int | None:
        """The lowest watermark in milliseconds at which there is something to emit.

        None when nothing is left to close or to fill. It may lie behind the current watermark between ``process``
        and the ``on_watermark`` that follows it.
        """
        seconds = self._states.next_second(self.parameters.max_gap)
        earliest = int(seconds.min(initial=NOTHING_PENDING))
        return None if earliest == NOTHING_PENDING else (earliest + 1) * 1000

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
        operator._watermark = snapshot.watermark_ms
        operator._states = snapshot.states
        operator._pending = snapshot.pending
        return operator

    def _owners(self, ticks: Ticks) -> IntArray:
        """The number of each tick's symbol here; codes mean something else in every batch."""
        used = np.flatnonzero(np.bincount(ticks.code, minlength=len(ticks.symbols)))
        owner_of_code = np.zeros(len(ticks.symbols), np.int64)
        for code in used.tolist():
            owner_of_code[code] = self._symbols.setdefault(ticks.symbols[code], len(self._symbols))
        added = len(self._symbols) - len(self._states)
        if added:
            self._states.add(added, self.parameters.window)
        return owner_of_code[ticks.code]

    def _keep(self, owner: IntArray, second: IntArray, ticks: Ticks) -> None:
        self._pending.append(owner, ticks.timestamp, ticks.value)
        np.minimum.at(self._states.first_pending, owner, second)

    def _emit(self, owners: IntArray, bars: Bars, rows: Rows) -> MetricsBlock:
        out = rows.bars
        tape, position = self._tape(owners, rows)
        newest_row = np.searchsorted(out.owner, owners, side="right") - 1
        self._states.last_second[owners] = out.second[newest_row]
        self._states.last_real[bars.owner] = bars.second  # in order of time, so the last assignment stays
        self._states.last_real_ms[bars.owner] = bars.last_ms
        self._states.history.store(owners, tape, position[newest_row])
        order = self._output_order(out)
        end = out.second[order] + 1
        columns = {
            "timestamp": end * 1000 - 1,
            "endTimestamp": end,
            "FIRST": out.first[order],
            "LAST": out.last[order],
            "FIRST_TIMESTAMP": out.first_ms[order],
            "LAST_TIMESTAMP": out.last_ms[order],
            "MIN": out.low[order],
            "MAX": out.high[order],
            "SUM": out.total[order],
            "DATA_POINT_COUNT": out.count[order],
            "GAP_FILLED": rows.filled[order],
            **rolling_columns(tape, position[order], self.parameters),
        }
        return MetricsBlock(self.symbols, out.owner[order].astype(np.int32), columns)

    def _tape(self, owners: IntArray, rows: Rows) -> tuple[Tape, IntArray]:
        """History and new rows of each symbol in one sequence, and where in it the new rows are."""
        out, width, history = rows.bars, self.parameters.window - 1, self._states.history
        rank = np.searchsorted(owners, out.owner)
        position = np.arange(len(out)) + (rank + 1) * width
        starts = np.searchsorted(out.owner, owners) + np.arange(len(owners)) * width

        def joined(before: npt.NDArray[Scalar], new: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
            values = np.empty(len(owners) * width + len(new), before.dtype)
            sliding(values, width)[starts] = before[owners]
            values[position] = new
            return values

        tape = Tape(
            joined(history.second, out.second),
            joined(history.last, out.last),
            joined(history.total, out.total),
            joined(history.count, out.count),
            joined(history.filled, rows.filled),
        )
        return tape, position

    def _output_order(self, out: Bars) -> IntArray:
        if out.owner[0] == out.owner[-1]:
            return np.arange(len(out))
        names = np.array(list(self._symbols))
        rank = np.empty(len(names), np.int64)
        rank[np.argsort(names)] = np.arange(len(names))
        order: IntArray = np.lexsort((rank[out.owner], out.second))
        return order
