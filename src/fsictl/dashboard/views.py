"""What Grafana draws, as rows: series of one symbol in steps of time, and tables of the latest.

A view is defined once. :func:`series` and :func:`latest_rows` answer it from any warehouse, and the Grafana dashboards
for BigQuery ask for it in SQL that is made from the same definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fsictl.dashboard.queries import one_verdict_each
from fsictl.model.aliases import BySymbol
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import CALIBRATIONS, METRICS, PRICES, PROMOTIONS, RECONERR, TABLES, TRAINING_RUNS

HOUR_MS = 3_600_000
MOST_STEPS = 20_000
"""Most steps of time in one answer."""
MOST_LATEST = 50
"""Rows of a table that shows the latest ones."""


class How(StrEnum):
    """How a column's values within one step of time become one; nulls are passed over, except by ``LAST``."""

    LAST = "last"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    ANY = "any"  # 1 when it was true once, else 0
    RATIO = "ratio"  # the sum, divided by that of another column; null when that is 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a series: its name, the table's column, and how its values are put together.

    ``above`` and ``below`` make a flag of a number; ``unless`` names a boolean column whose rows do not count;
    ``per`` is the divisor of a ratio.
    """

    name: str
    source: str
    how: How = How.LAST
    above: float | None = None
    below: float | None = None
    unless: str | None = None
    per: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Columns of one table in steps of time, of one symbol, or of all symbols together."""

    name: str
    table: str
    columns: tuple[Column, ...]
    of_symbol: bool = True

    @property
    def of_versions(self) -> bool:
        """Whether several model versions have rows of the same time, of which one is shown."""
        return "model_version" in TABLES[self.table].key

    @property
    def sources(self) -> list[str]:
        """The columns of the table that are read."""
        names = {"symbol": None, "timestamp": None}
        if self.of_versions:
            names["model_version"] = None
        for column in self.columns:
            names |= dict.fromkeys(name for name in (column.source, column.unless, column.per) if name)
        return list(names)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest rows of a table, newest first; ``columns`` are (name, the table's column)."""

    name: str
    table: str
    time: str
    columns: tuple[tuple[str, str], ...]


_RSI = "RELATIVE_STRENGTH_INDICATOR"

SERIES: dict[str, Series] = {
    view.name: view
    for view in (
        Series("ticks", PRICES.name, (Column("tick", "value"),)),
        Series(
            "metrics",
            METRICS.name,
            (
                Column("price", "LAST"),
                Column("sma", "SIMPLE_MOVING_AVERAGE"),
                Column("ema", "EXPONENTIAL_MOVING_AVERAGE"),
                Column("deviation", "STANDARD_DEVIATION"),
                Column("log_return", "LOG_RTN"),
                Column("rsi", _RSI),
                Column("band_upper", "BB_UPPER_BAND_SMA"),
                Column("band_lower", "BB_BOTTOM_BAND_SMA"),
                Column("ema_band_upper", "BB_UPPER_BAND_EMA"),
                Column("ema_band_lower", "BB_BOTTOM_BAND_EMA"),
                Column("overbought", _RSI, How.ANY, above=70.0),
                Column("oversold", _RSI, How.ANY, below=30.0),
            ),
        ),
        Series(
            "filling",
            METRICS.name,
            (
                Column("price", "LAST"),
                Column("ticks", "DATA_POINT_COUNT", How.SUM, unless="GAP_FILLED"),
                Column("filled", "GAP_FILLED", How.ANY),
                Column("filled_fraction", "GAP_FILLED_FRACTION"),
            ),
        ),
        Series(
            "verdicts",
            RECONERR.name,
            (
                Column("error", "reconstruction_error", How.MAX),
                Column("threshold", "threshold"),
                Column("p_value", "p_value", How.MIN),
                Column("unreliable", "unreliable", How.ANY),
                Column("alert", "alert", How.ANY),
            ),
        ),
        Series(
            "calibrations",
            CALIBRATIONS.name,
            (
                Column("label_threshold", "label_threshold"),
                Column("alert_threshold", "alert_threshold"),
                Column("label_target", "label_rate"),
                Column("label_achieved", "unreliable", How.RATIO, per="windows"),
                Column("alert_target", "alert_rate"),
                Column("alert_achieved", "alerts", How.RATIO, per="windows"),
            ),
        ),
        Series(
            "activity",
            METRICS.name,
            (
                Column("ticks", "DATA_POINT_COUNT", How.SUM, unless="GAP_FILLED"),
                Column("rows", "timestamp", How.COUNT),
                Column("filled", "GAP_FILLED", How.SUM),
            ),
            of_symbol=False,
        ),
        Series(
            "judgements",
            RECONERR.name,
            (
                Column("verdicts", "unreliable", How.COUNT),
                Column("unreliable", "unreliable", How.SUM),
                Column("alerts", "alert", How.SUM),
            ),
            of_symbol=False,
        ),
    )
}
"""Every series by its name."""

LATEST: dict[str, Latest] = {
    view.name: view
    for view in (
        Latest(
            "runs",
            TRAINING_RUNS.name,
            "at",
            tuple((name, name) for name in ("outcome", "model_version", "symbol", "windows", "seconds", "reason")),
        ),
        Latest(
            "promotions",
            PROMOTIONS.name,
            "at",
            tuple((name, name) for name in ("action", "model_version", "previous", "forced", "reason")),
        ),
    )
}
"""Every table of the latest rows by its name."""


def series(
    warehouse: Warehouse,
    view: Series,
    symbol: str,
    start: int,
    end: int,
    step: int,
    *,
    champion: str | BySymbol[str] | None = None,
    threshold: float | None = None,
) -> list[dict[str, Any]]:
    """The view's rows with ``start <= time < end`` (ms), one for each ``step`` (ms) that has any.

    ``time`` is the step's beginning. Of several model versions that judged the same second the champion's row counts,
    else the last version's. ``threshold`` puts another limit on the error than the stored ones.
    """
    table = warehouse.read(
        view.table, symbols=[symbol] if view.of_symbol else None, start=start, end=end, columns=view.sources
    )
    if view.of_versions:
        table = one_verdict_each(table, champion)
    if threshold is not None and view.name == "verdicts":
        limited = pc.greater(table["reconstruction_error"], threshold)
        table = table.set_column(table.column_names.index("unreliable"), "unreliable", limited)
    rows: list[dict[str, Any]] = _in_steps(table, view, step).to_pylist()
    return rows


def pieces(start: int, end: int, step: int) -> Iterator[tuple[int, int]]:
    """``start … end`` in pieces of about an hour that do not cut a step, so that others get a turn between them.

    >>> [(since // 1000, until // 1000) for since, until in pieces(1_000, 7_300_000, 60_000)]
    [(1, 3600), (3600, 7200), (7200, 7300)]
    """
    length = max(step, HOUR_MS // step * step)
    while start < end:
        until = min(end, (start // length + 1) * length)
        yield start, until
        start = until


def latest_rows(warehouse: Warehouse, view: Latest) -> list[dict[str, Any]]:
    """The newest rows of that view."""
    names = [name for _, name in view.columns]
    table = warehouse.read(view.table, columns=list(dict.fromkeys([view.time, *names])), newest=MOST_LATEST)
    table = table.sort_by([(view.time, "descending")])
    columns = {"time": table[view.time], **{short: table[name] for short, name in view.columns}}
    rows: list[dict[str, Any]] = pa.table(columns).to_pylist()
    return rows


_AGGREGATE = {how: how.value for how in How} | {How.ANY: "max"}


def _in_steps(table: pa.Table, view: Series, step: int) -> pa.Table:
    time = pc.multiply(pc.divide(table["timestamp"], step), step)
    columns: dict[str, Any] = {"time": time}
    wanted: list[tuple[str, str, Any]] = []
    for column in view.columns:
        columns[column.name] = _value(table, column)
        if column.how is How.RATIO:
            columns[f"{column.name} per"] = table[column.per]
            wanted += [(column.name, "sum", None), (f"{column.name} per", "sum", None)]
        else:
            keeps_null = pc.ScalarAggregateOptions(skip_nulls=False) if column.how is How.LAST else None
            wanted.append((column.name, _AGGREGATE[column.how], keeps_null))
    ordered = pa.table(columns).take(pc.sort_indices(table, [("timestamp", "ascending")]))
    grouped = ordered.group_by("time", use_threads=False).aggregate(wanted).sort_by("time")
    return pa.table({"time": grouped["time"], **{one.name: _result(grouped, one) for one in view.columns}})


def _value(table: pa.Table, column: Column) -> Any:
    value = table[column.source]
    if column.above is not None:
        value = pc.greater(value.cast(pa.float64()), column.above)
    if column.below is not None:
        value = pc.less(value, column.below)
    if column.unless is not None:
        value = pc.if_else(table[column.unless], 0, value)
    return value.cast(pa.int64()) if pa.types.is_boolean(value.type) else value


def _result(grouped: pa.Table, column: Column) -> Any:
    if column.how is not How.RATIO:
        return grouped[f"{column.name}_{_AGGREGATE[column.how]}"]
    over, under = grouped[f"{column.name}_sum"], grouped[f"{column.name} per_sum"]
    return pc.divide(over.cast(pa.float64()), pc.if_else(pc.equal(under, 0), None, under).cast(pa.float64()))
