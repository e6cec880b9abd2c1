"""Whether rows are right, and how far they are off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from benchmarks.metrics_engine.plain import MAX_GAP, WINDOW, Grid
from benchmarks.metrics_engine.workload import START_SECOND, Workload

RELATIVE, ABSOLUTE = 1e-9, 1e-12

SPREADS = ("STANDARD_DEVIATION", "STD", "SUM_", "ABS_MOVING", "BB_UPPER", "BB_BOTTOM", "upper", "lower")
"""Beginnings of the columns that may be off by 1e-12 × price on top of 1e-9 of themselves."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst error in units of what is allowed (at most 1 is right), and the column that has it."""

    error: float
    column: str

    @property
    def right(self) -> bool:
        return self.error <= 1

    def __str__(self) -> str:
        return "right" if self.right else f"off by {self.error:.2g} × the tolerance in {self.column}"


RIGHT = Verdict(0.0, "")


def worst(verdicts: list[Verdict]) -> Verdict:
    return max(verdicts, key=lambda verdict: verdict.error)


def compare(actual: Mapping[str, np.ndarray], expected: Grid, price: np.ndarray) -> Verdict:
    """The columns of ``actual`` beside the same of ``expected``; NaN (null) must meet NaN."""
    found = RIGHT
    for name, values in actual.items():
        wanted = expected[name]
        if values.shape != wanted.shape:
            return Verdict(np.inf, f"{name}: {values.shape} rows, {wanted.shape} expected")
        if wanted.dtype.kind != "f":
            error = 0.0 if (values == wanted).all() else np.inf
        else:
            allowed = RELATIVE * np.abs(wanted) + (ABSOLUTE * price if name.startswith(SPREADS) else 0.0)
            if (np.isnan(values) != np.isnan(wanted)).any():
                error = np.inf
            else:
                with np.errstate(divide="ignore", invalid="ignore"):
                    off = np.where(values == wanted, 0.0, np.abs(values - wanted) / allowed)
                error = float(np.nanmax(off, initial=0.0))
        if error > found.error:
            found = Verdict(error, name)
    return found


def check_plain(workload: Workload, rows: Grid, seconds: range, symbols: int) -> Verdict:
    """The plain recomputation itself beside the tests' reference, for a few symbols that have late ticks."""
    from tests.metrics.reference import Reference

    reference = Reference(WINDOW, WINDOW, MAX_GAP)
    with_late = np.unique(workload.ticks.code[: workload.edges[-1]][workload.late[: workload.edges[-1]]])
    chosen = with_late[:symbols] if len(with_late) >= symbols else np.arange(symbols)
    names = workload.symbols
    late = 0
    for number in range(workload.batches(workload.rounds - 1).stop):
        batch = workload.batch(number)
        mine = batch.take(np.isin(batch.code, chosen))
        ticks = zip(mine.code.tolist(), mine.timestamp.tolist(), mine.value.tolist(), strict=True)
        late += len(reference.process([(names[code], timestamp, value) for code, timestamp, value in ticks]))
        reference.on_watermark(int(workload.watermarks[number]))
    wanted_late = workload.late[: workload.edges[-1]] & np.isin(workload.ticks.code[: workload.edges[-1]], chosen)
    assert late == wanted_late.sum(), "the tests' reference calls other ticks late"
    expected = {name: np.empty((len(chosen), len(seconds)), column.dtype) for name, column in rows.items()}
    for position, code in enumerate(chosen.tolist()):
        of_symbol = reference.symbols[names[code]].rows[seconds.start : seconds.stop]
        assert [row["endTimestamp"] - 1 - START_SECOND for row in of_symbol] == list(seconds)
        for name, column in expected.items():
            column[position] = [np.nan if row[name] is None else row[name] for row in of_symbol]
    return compare({name: column[chosen] for name, column in rows.items()}, expected, rows["LAST"][chosen])
