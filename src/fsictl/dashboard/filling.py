"""How seconds became rows: the ticks, and the rows that were filled."""

from __future__ import annotations

from typing import Any

from fsictl.dashboard.episodes import timestamp_of
from fsictl.dashboard.queries import seconds_in
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS, PRICES


def filling(warehouse: Warehouse, symbol: str, start: int, end: int, *, most: int) -> dict[str, Any]:
    """The newest ``most`` ticks of ``start <= time <= end`` and the rows, filled or not."""
    where: dict[str, Any] = {"symbols": [symbol], "end": end * 1000}
    ticks = warehouse.read(PRICES.name, columns=["timestamp", "value"], start=start * 1000, newest=most, **where)
    rows = warehouse.read(
        METRICS.name,
        columns=["timestamp", "LAST", "GAP_FILLED", "DATA_POINT_COUNT"],
        start=timestamp_of(start),
        **where,
    )
    return {
        "symbol": symbol,
        "start": start,
        "end": end,
        "ticks": {
            "time": [time / 1000 for time in ticks["timestamp"].to_pylist()],
            "price": ticks["value"].to_pylist(),
        },
        "rows": {
            "time": seconds_in(rows).tolist(),
            "price": rows["LAST"].to_pylist(),
            "gap_filled": rows["GAP_FILLED"].to_pylist(),
            "ticks": rows["DATA_POINT_COUNT"].to_pylist(),
        },
    }
