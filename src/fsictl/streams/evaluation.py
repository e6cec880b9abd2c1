"""Prices to evaluate versions on: stored or simulated ones, with labelled anomalies put into their ticks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fsictl.metrics.backfill import backfill
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.model.columns import Columns, columns_of
from fsictl.model.features import history_rows
from fsictl.model.scorecard import Label, LabelledMetrics
from fsictl.model.windows import ROW_MS
from fsictl.ports.warehouse import Warehouse
from fsictl.prices.anomalies import apply, plan
from fsictl.prices.pairs import PAIRS
from fsictl.prices.simulate import simulate
from fsictl.records.schemas import PRICES
from fsictl.records.ticks import Ticks

if TYPE_CHECKING:
    import pyarrow as pa

EVERY = 600.0
"""Seconds between the aftermath of an anomaly and the next one, on average."""

ENOUGH_EVENTS = 150
MOST_PASSES = 12
"""Short prices get anomalies several times, at other places, until there are so many; but not more often."""

SIMULATED_SEED = 20_000
"""Added to the seed, so that prices to evaluate on are none that anybody trains on."""


def metrics_of(ticks: Ticks, parameters: MetricsParameters) -> Columns:
    """The metrics of these ticks, as the model reads them."""
    return columns_of(metrics_table(ticks, parameters))


def metrics_table(ticks: Ticks, parameters: MetricsParameters) -> pa.Table:
    """The metrics of these ticks as rows of ``metrics``."""
    import pyarrow as pa

    from fsictl.records.arrow import empty_table
    from fsictl.records.schemas import METRICS

    return pa.concat_tables([empty_table(METRICS), *map(table_of_block, backfill(ticks, parameters))])


def simulated(
    symbols: Sequence[str], parameters: MetricsParameters, *, hours: float, hz: float, seed: int
) -> LabelledMetrics:
    """Simulated prices, of those symbols that can be, with a seed that nobody trains with."""
    known = [symbol for symbol in symbols if symbol in PAIRS] or ["EURUSD"]
    blocks = simulate(known, hz=hz, seed=SIMULATED_SEED + seed, duration=hours * 3600.0)
    what = f"simulated: {hours:g} h of {', '.join(known)} at {hz:g} Hz, seed {seed}"
    return _labelled(Ticks.concat(list(blocks)), parameters, what, since=0, seed=seed)


def of_ticks(
    ticks: Ticks, parameters: MetricsParameters, what: str, *, since: int = 0, seed: int = 1
) -> LabelledMetrics:
    """Given prices, in any order."""
    return _labelled(ticks.take(np.argsort(ticks.timestamp, kind="stable")), parameters, what, since=since, seed=seed)


def stored(
    warehouse: Warehouse,
    symbols: Sequence[str] | None,
    parameters: MetricsParameters,
    *,
    start: int,
    end: int,
    seed: int,
) -> LabelledMetrics | None:
    """The stored prices of ``[start, end)`` (ms); ``None`` when there are none."""
    before = (history_rows(parameters.window) + parameters.window) * ROW_MS
    ticks = stored_ticks(warehouse, symbols, start=start - before, end=end)
    if not len(ticks):
        return None
    what = f"stored prices of {', '.join(ticks.symbols)}, {start} to {end}"
    return of_ticks(ticks, parameters, what, since=start, seed=seed)


def stored_ticks(warehouse: Warehouse, symbols: Sequence[str] | None, *, start: int, end: int) -> Ticks:
    """The stored ticks of ``[start, end)`` (ms) of these symbols, or of all."""
    import pyarrow.compute as pc

    rows = warehouse.read(PRICES.name, symbols=symbols, start=start, end=end)
    symbol = pc.dictionary_encode(rows.column("symbol")).combine_chunks()
    return Ticks(
        tuple(symbol.dictionary.to_pylist()),
        symbol.indices.to_numpy(),
        rows.column("timestamp").to_numpy(),
        rows.column("value").to_numpy(),
        rows.column("sequence").to_numpy().astype(np.int32),
    )


def _labelled(ticks: Ticks, parameters: MetricsParameters, what: str, *, since: int, seed: int) -> LabelledMetrics:
    if not len(ticks):
        return LabelledMetrics(what, metrics_of(ticks, parameters), [], since)
    injected: list[tuple[Columns, list[Label]]] = []
    start, end = max(since, int(ticks.timestamp.min())), int(ticks.timestamp.max())
    for number in range(MOST_PASSES):
        anomalies = plan(ticks.symbols, start, end, seed=1000 * seed + number, every=EVERY)
        changed = apply(ticks, anomalies, seed=1000 * seed + number)
        labels = [Label(one.symbol, one.start_ms, one.end_ms, one.kind) for one in anomalies]
        injected.append((metrics_of(changed, parameters), labels))
        if _events(injected) >= ENOUGH_EVENTS:
            break
    return LabelledMetrics(what, metrics_of(ticks, parameters), injected, since)


def _events(injected: Iterable[tuple[Columns, list[Label]]]) -> int:
    return sum(len(labels) for _, labels in injected)
