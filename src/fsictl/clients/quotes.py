"""The price at which a client traded: what the stored metrics say of that second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fsictl.ports.warehouse import Warehouse

if TYPE_CHECKING:
    import numpy.typing as npt

_DAY_MS = 86_400_000
_SECOND_MS = 1000


def with_prices(transactions: pa.Table, warehouse: Warehouse) -> pa.Table:
    """The same transactions with the last price of the second before each; null where no such row is stored.

    It reads one symbol and day at a time, and only those on which somebody traded.
    """
    times = transactions.column("timestamp").to_numpy()
    symbols = np.array(transactions.column("symbol").to_pylist(), dtype=object)
    prices = np.full(len(times), np.nan)
    for extent in warehouse.extents("metrics"):
        here = (symbols == extent.symbol) & (times > extent.first) & (times <= extent.last + _SECOND_MS)
        for day in np.unique(times[here] // _DAY_MS).tolist():
            chosen = np.flatnonzero(here & (times // _DAY_MS == day))
            rows = warehouse.read(
                "metrics",
                symbols=[extent.symbol],
                start=day * _DAY_MS - _SECOND_MS,
                end=(day + 1) * _DAY_MS,
                columns=["timestamp", "LAST"],
            )
            prices[chosen] = _last_before(rows, times[chosen])
    place = transactions.schema.get_field_index("price")
    return transactions.set_column(
        place, transactions.schema.field(place), pa.array(prices, pa.float64(), from_pandas=True)
    )


def _last_before(rows: pa.Table, times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    found = np.full(len(times), np.nan)
    stored = rows.column("timestamp").to_numpy()
    if not len(stored):
        return found
    place = np.searchsorted(stored, times, side="left") - 1
    known = (place >= 0) & (times - stored[np.maximum(place, 0)] <= _SECOND_MS)
    found[known] = rows.column("LAST").to_numpy()[place[known]]
    return found
