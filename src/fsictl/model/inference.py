"""The inference operator: metrics rows in, one verdict per window that ends at an extreme RSI out.

It keeps the last rows of every symbol, so that a window may reach back over batches, restarts included. Live
streams, batch runs and tests all drive this one operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fsictl.errors import InputError
from fsictl.model.aliases import BySymbol
from fsictl.model.columns import Columns, Integers, columns_of, empty_columns, merged, table_of_columns
from fsictl.model.features import TICK_ROWS, history_rows
from fsictl.model.rolling import InUse, RollingCalibration
from fsictl.model.verdicts import judge_windows
from fsictl.model.versions import Scorer
from fsictl.model.windows import WindowRules, cut_windows, run_lengths

if TYPE_CHECKING:
    import pyarrow as pa

Scoring = Scorer | BySymbol[Scorer] | None
"""What judges windows: one version for all symbols, one for each, or none yet."""

SNAPSHOT_FORMAT = b"fsictl inference 1"
_FORMAT_KEY = b"format"
_CALIBRATION_KEY = b"calibrations"
_RECENT = ("close", "last_timestamp", "ticks", "sma", "ema", "deviation", "rsi")
"""Columns of which only the rows of the next window, and those of its first tick rate, are read again."""


class InferenceOperator:
    """Judges windows that end at an extreme RSI.

    Rows of a symbol come in time order; rows not after the last one seen of their symbol are ignored, so that
    giving rows twice changes nothing. What is said about a row depends only on the rows before it, the rules and
    the version, never on how the rows were batched.
    """

    def __init__(self, rules: WindowRules | None = None) -> None:
        self.rules = rules or WindowRules()
        self._kept = self.rules.length + history_rows(self.rules.metrics_window) - 1
        self._tail = empty_columns()
        self._rolling = RollingCalibration()

    def process(self, rows: pa.Table, scorer: Scoring, shadow: Scoring = None) -> pa.Table:
        """Verdicts (rows of ``reconerr``) about these rows of ``metrics``, sorted by symbol and time.

        ``scorer`` is the version whose verdicts count, or that of each symbol; ``None`` when there is none yet.
        A ``shadow`` version is scored beside it: its verdicts follow under its own name and never alert.
        """
        import pyarrow as pa

        champions, shadows = by_symbol(scorer), by_symbol(shadow)
        self._rolling.keep_only(_versions(champions, shadows))
        columns, fresh = merged(self._tail, columns_of(rows))
        runs = run_lengths(columns.code, columns.timestamp)
        ends = cut_windows(columns, runs, self.rules)
        ends = ends[fresh[ends]]
        verdicts = [self._judged(columns, runs, ends, _scorers(columns, ends, champions), shadow=False)]
        if shadows.all():
            rivals = {
                code: rival
                for code, rival in _scorers(columns, ends, shadows).items()
                if rival is not None and rival.version != _version(champions.of(columns.symbols[code]))
            }
            beside = ends[np.isin(columns.code[ends], list(rivals))]
            verdicts.append(self._judged(columns, runs, beside, rivals, shadow=True))
        self._tail = _last_rows(columns, self._kept)
        return pa.concat_tables(verdicts)

    def _judged(
        self, columns: Columns, runs: Integers, ends: Integers, scorers: Mapping[int, Scorer | None], *, shadow: bool
    ) -> pa.Table:
        """Verdicts by the version of each symbol (by its code), in the order of ``ends``."""
        import pyarrow as pa

        groups: dict[str, tuple[Scorer | None, list[int]]] = {}
        for code, scorer in scorers.items():
            groups.setdefault(_version(scorer), (scorer, []))[1].append(code)
        if len(groups) <= 1:
            scorer = next(iter(scorers.values()), None)
            return judge_windows(
                columns, runs, ends, rules=self.rules, scorer=scorer, rolling=self._rolling, shadow=shadow
            )
        parts, places = [], []
        for scorer, codes in groups.values():
            mine = np.flatnonzero(np.isin(columns.code[ends], codes))
            places.append(mine)
            parts.append(
                judge_windows(
                    columns, runs, ends[mine], rules=self.rules, scorer=scorer, rolling=self._rolling, shadow=shadow
                )
            )
        return pa.concat_tables(parts).take(np.argsort(np.concatenate(places), kind="stable"))

    def calibrations(self) -> pa.Table:
        """The calibrations made since the last call, as rows of ``calibrations``."""
        return self._rolling.taken()

    def go_on_from(self, calibrations: pa.Table) -> None:
        """Let these rows of ``calibrations``, at most one a version and symbol, hold from their times on."""
        self._rolling.go_on_from(calibrations.to_pylist())

    def snapshot(self) -> bytes:
        """The operator's state as bytes, for :meth:`restore`; about 8 KB a symbol."""
        import pyarrow as pa

        table = table_of_columns(self._without_details()).replace_schema_metadata(
            {_FORMAT_KEY: self._format(), _CALIBRATION_KEY: self._rolling.state()}
        )
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue().to_pybytes())

    def restore(self, state: bytes) -> None:
        """Go on from a snapshot. ``InputError`` for bytes that are not one; nothing is changed then.

        If the length of windows or the metrics window is another than before, only the last row of every symbol
        is taken over: seen rows stay seen, and windows fill anew.
        """
        import pyarrow as pa

        try:
            table = pa.ipc.open_stream(state).read_all()
            table.validate(full=True)
            written = (table.schema.metadata or {}).get(_FORMAT_KEY, b"")
            if not written.startswith(SNAPSHOT_FORMAT):
                message = "not a snapshot of this version"
                raise ValueError(message)
            columns = columns_of(table.cast(table_of_columns(empty_columns()).schema))
            rolling = RollingCalibration()
            rolling.restore((table.schema.metadata or {}).get(_CALIBRATION_KEY, b"[]").decode())
        except (pa.ArrowException, ValueError, KeyError, TypeError, OSError) as error:
            message = f"the saved state of the inference pipeline cannot be read: {error}"
            hint = "Stop the streams and start inference anew; it warms up from the metrics that follow."
            raise InputError(message, hint=hint) from error
        self._tail = _last_rows(columns, self._kept if written == self._format() else 1)
        self._rolling = rolling

    def _format(self) -> bytes:
        return SNAPSHOT_FORMAT + f" {self.rules.length} {self.rules.metrics_window}".encode()

    def _without_details(self) -> Columns:
        """The tail with zeros for what is never read again: of older rows only their returns and times are."""
        places = _places_from_end(self._tail)
        old = places >= self.rules.length + TICK_ROWS
        emptied: dict[str, Any] = {name: np.where(old, 0, getattr(self._tail, name)) for name in _RECENT}
        filled = self._tail.filled & ~old
        return replace(self._tail, filled=filled, **emptied)


def by_symbol(scoring: Scoring) -> BySymbol[Scorer]:
    """One version for all, or that of each symbol, in one form."""
    return scoring if isinstance(scoring, BySymbol) else BySymbol(scoring)


def _version(scorer: Scorer | None) -> str:
    return "" if scorer is None else scorer.version


def _versions(champions: BySymbol[Scorer], shadows: BySymbol[Scorer]) -> InUse:
    """Whether a version is in use for a symbol."""
    if not (champions.own or shadows.own):
        known = {one.version for one in (champions.shared, shadows.shared) if one is not None}
        return lambda version, _: version in known
    return lambda version, symbol: version in {_version(champions.of(symbol)), _version(shadows.of(symbol))}


def _scorers(columns: Columns, ends: Integers, scorers: BySymbol[Scorer]) -> dict[int, Scorer | None]:
    """The version of each symbol that has a window, by the symbol's code."""
    return {code: scorers.of(columns.symbols[code]) for code in np.unique(columns.code[ends]).tolist()}


def _places_from_end(columns: Columns) -> Integers:
    """0 for the last row of every symbol, 1 for the one before it, and so on."""
    stop = np.cumsum(np.bincount(columns.code, minlength=len(columns.symbols)))
    return stop[columns.code] - 1 - np.arange(len(columns))


def _last_rows(columns: Columns, count: int) -> Columns:
    """The last ``count`` rows of every symbol."""
    return columns.take(_places_from_end(columns) < count)
