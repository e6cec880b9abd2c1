"""What the page asks of warehouse, messenger and artifacts: one function per question, answered as JSON values.

Every time in an answer is the end of a bar in seconds since the epoch; every column is named as in ``NAMES``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fsictl.dashboard.episodes import seconds_of, timestamp_of
from fsictl.dashboard.thinning import holes, thin
from fsictl.errors import FsictlError
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.arrow import empty_table
from fsictl.records.schemas import METRICS, RECONERR

CHAMPION = "champion"
PIPELINES = ("metrics", "infer", "sink")

METRICS_NAMES = {
    "LAST": "price",
    "SIMPLE_MOVING_AVERAGE": "sma",
    "EXPONENTIAL_MOVING_AVERAGE": "ema",
    "RELATIVE_STRENGTH_INDICATOR": "rsi",
    "LOG_RTN": "log_return",
    "BB_UPPER_BAND_SMA": "band_upper",
    "BB_BOTTOM_BAND_SMA": "band_lower",
    "GAP_FILLED": "gap_filled",
    "LAST_TIMESTAMP": "last_tick",
}
"""Columns of ``metrics`` that the page shows, with their names in JSON; ``last_tick`` is in milliseconds."""

VERDICT_NAMES = {
    "reconstruction_error": "error",
    "threshold": "threshold",
    "unreliable": "unreliable",
    "alert": "alert",
    "reason": "reason",
    "model_version": "model_version",
}
"""Columns of ``reconerr`` that the page shows, with their names in JSON."""

TREND_SECONDS = 300
TREND_STEP = 5
VERDICT_SECONDS = 10

Columns = dict[str, list[Any]]


def columns_of(table: pa.Table, names: Mapping[str, str]) -> Columns:
    """Rows as JSON columns ``symbol``, ``time`` and those of ``names``; floats keep eight digits after the point."""
    columns = {"symbol": table["symbol"].to_pylist(), "time": _seconds(table).tolist()}
    return columns | {short: _values(table[long]) for long, short in names.items()}


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_floating(column.type):
        column = pc.round(column, ndigits=8)
    values: list[Any] = column.to_pylist()
    return values


def _seconds(table: pa.Table) -> npt.NDArray[np.int64]:
    seconds: npt.NDArray[np.int64] = (table["timestamp"].to_numpy() + 1) // 1000
    return seconds


def one_verdict_each(table: pa.Table, champion: str | None) -> pa.Table:
    """One row per symbol and second of ``reconerr``: the champion's where it scored, else the last version's."""
    if not table.num_rows:
        return table
    codes = table["symbol"].combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):  # what combining gives differs between Arrow versions
        codes = codes.unify_dictionaries().combine_chunks()
    symbol = codes.indices.to_numpy(zero_copy_only=False)
    timestamp = table["timestamp"].to_numpy()
    preferred = pc.equal(table["model_version"], champion or "").to_numpy()
    order = np.lexsort((preferred, timestamp, symbol))
    last = np.r_[(np.diff(symbol[order]) != 0) | (np.diff(timestamp[order]) != 0), True]
    return table.take(pa.array(np.sort(order[last])))


def latest(warehouse: Warehouse, champion: str | None) -> list[dict[str, Any]]:
    """Per symbol its newest metrics row, its verdict and ``trend``, prices of the last five minutes.

    The verdict is the last one of the ten seconds up to the newest row of all, or null. Symbols that are quiet have
    neither verdict nor trend.
    """
    last = {extent.symbol: extent.last for extent in warehouse.extents(METRICS.name)}
    if not last:
        return []
    newest = max(last.values())
    active = [symbol for symbol, at in last.items() if newest - at <= VERDICT_SECONDS * 1000]
    wanted = ["symbol", "timestamp", *METRICS_NAMES]
    parts = [
        warehouse.read(METRICS.name, symbols=active, start=min(last[symbol] for symbol in active), columns=wanted),
        *(
            warehouse.read(METRICS.name, symbols=[symbol], start=at, columns=wanted)
            for symbol, at in last.items()
            if symbol not in active
        ),
    ]
    rows = {
        row["symbol"]: row for row in _rows(columns_of(pa.concat_tables(parts), METRICS_NAMES))
    }  # the last one stays
    since = seconds_of(newest) - VERDICT_SECONDS
    judged = one_verdict_each(recent_verdicts(warehouse, active, since, list(VERDICT_NAMES)), champion)
    verdicts = {row["symbol"]: row for row in _rows(columns_of(judged, VERDICT_NAMES))}
    trends = _trends(warehouse, active, seconds_of(newest))
    return [
        rows[symbol] | {"verdict": verdicts.get(symbol), "trend": trends.get(symbol, [])} for symbol in sorted(rows)
    ]


def _rows(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _trends(warehouse: Warehouse, symbols: Sequence[str], newest: int) -> dict[str, list[float]]:
    table = warehouse.read(
        METRICS.name,
        symbols=symbols,
        start=timestamp_of(newest - TREND_SECONDS),
        columns=["symbol", "timestamp", "LAST"],
    )
    table = table.filter(pa.array(_seconds(table) % TREND_STEP == 0))
    trends: dict[str, list[float]] = {symbol: [] for symbol in symbols}
    for symbol, price in zip(table["symbol"].to_pylist(), table["LAST"].to_pylist(), strict=True):
        trends[symbol].append(price)
    return trends


def newest_second(warehouse: Warehouse, symbol: str) -> int | None:
    """The end of the symbol's newest bar, or ``None`` when there is none."""
    rows = warehouse.read(METRICS.name, symbols=[symbol], columns=["timestamp"], newest=1)
    return seconds_of(rows["timestamp"][-1].as_py()) if rows.num_rows else None


def history(
    warehouse: Warehouse, symbol: str, start: float, end: float, *, points: int, champion: str | None
) -> dict[str, Any]:
    """Rows of one symbol with ``start <= time <= end`` as columns, thinned to about ``points`` rows.

    A row of nulls stands where rows are missing for so long that a chart must not draw a line across.
    """
    first, after = timestamp_of(start), timestamp_of(end) + 1
    wanted = ["symbol", "timestamp"]
    metrics = warehouse.read(METRICS.name, symbols=[symbol], start=first, end=after, columns=[*wanted, *METRICS_NAMES])
    verdicts = warehouse.read(
        RECONERR.name, symbols=[symbol], start=first, end=after, columns=[*wanted, *VERDICT_NAMES]
    )
    joined = _join(metrics, one_verdict_each(verdicts, champion))
    seconds = _seconds(joined)
    gaps = holes(seconds, least=max(1.5, (end - start) / 400))
    kept = np.union1d(_kept(joined, points), np.r_[gaps, gaps + 1]).astype(np.int64)
    columns = columns_of(joined.take(pa.array(kept)), METRICS_NAMES | VERDICT_NAMES)
    del columns["symbol"]
    _break_lines(columns, np.searchsorted(kept, gaps).tolist())
    return {
        "symbol": symbol,
        "start": start,
        "end": end,
        "rows": len(seconds),
        "thinned": len(kept) < len(seconds),
        "columns": columns,
    }


def _join(metrics: pa.Table, verdicts: pa.Table) -> pa.Table:
    """The metrics rows of one symbol, each with the verdict of its second or nulls."""
    wanted, there = metrics["timestamp"].to_numpy(), verdicts["timestamp"].to_numpy()
    at = np.searchsorted(there, wanted)
    found = np.zeros(len(wanted), bool)
    inside = at < len(there)
    found[inside] = there[at[inside]] == wanted[inside]
    picks = pa.array(at, mask=~found)
    for name in VERDICT_NAMES:
        metrics = metrics.append_column(name, verdicts[name].take(picks))
    return metrics


def _kept(joined: pa.Table, points: int) -> npt.NDArray[np.int64]:
    if not joined.num_rows:
        return np.zeros(0, np.int64)
    series = [
        np.asarray(pc.fill_null(joined[name], np.nan).to_numpy(), np.float64)
        for name in ("LAST", "RELATIVE_STRENGTH_INDICATOR", "reconstruction_error")
    ]
    unreliable = pc.fill_null(joined["unreliable"], False).to_numpy()
    changes = np.r_[False, unreliable[1:] != unreliable[:-1]]
    return thin(series, points, keep=changes | np.r_[changes[1:], False])


def _break_lines(columns: Columns, after: Sequence[int]) -> None:
    """Put a row of nulls one second after each of these rows."""
    times = columns["time"]
    for row in reversed(after):
        for name, values in columns.items():
            values.insert(row + 1, times[row] + 1 if name == "time" else None)


def recent_verdicts(warehouse: Warehouse, symbols: Sequence[str], since: int, columns: Sequence[str]) -> pa.Table:
    """The rows of ``reconerr`` from that second on, with symbol, timestamp and these columns."""
    wanted = ["symbol", "timestamp", *columns]
    if not symbols:
        return empty_table(RECONERR).select(wanted)
    return warehouse.read(RECONERR.name, symbols=symbols, start=timestamp_of(since), columns=wanted)


def model(artifacts: Artifacts) -> dict[str, Any]:
    """The champion: its version, when it was made and from what; ``version`` is null when there is none."""
    version = artifacts.resolve(CHAMPION)
    if version is None:
        return {"version": None}
    try:
        card = json.loads(artifacts.get(version, "card.json"))
    except (FsictlError, ValueError) as error:
        return {"version": version, "problem": f"The model card cannot be read: {error}"}
    return {"version": version} | _facts(card)


def _facts(card: Any) -> dict[str, Any]:
    """What a card says of itself that the page shows; what is missing or of another kind is left out."""
    if not isinstance(card, dict):
        return {}
    facts: dict[str, Any] = {}
    if isinstance(card.get("created_at"), int):
        facts["created_at"] = card["created_at"] / 1000
    for section in ("snapshot", "calibration"):
        if isinstance(card.get(section), dict):
            facts[section] = {name: value for name, value in card[section].items() if _is_short(value)}
    return facts


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) or (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    )


def pipelines(messenger: Messenger) -> list[dict[str, Any]]:
    """Every pipeline that ever ran: when it last committed (s) and how many messages wait for it."""
    answers = []
    for name in PIPELINES:
        progress = messenger.progress(name)
        if progress is not None:
            committed = progress.committed_ms
            answers.append(
                {
                    "name": name,
                    "committed": None if committed is None else committed / 1000,
                    "waiting": sum(progress.backlog.values()),
                }
            )
    return answers
