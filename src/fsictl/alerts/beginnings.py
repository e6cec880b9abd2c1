"""Alerts of a stretch of time with their beginnings: what began before it keeps its start, and so its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fsictl.alerts.episodes import MOST_APART_MS, Alert, episodes_of
from fsictl.records.schemas import RECONERR

if TYPE_CHECKING:
    import pyarrow as pa

    from fsictl.ports.warehouse import Warehouse

STEP_MS = 600_000
"""How far back one more look goes."""


def episodes_since(
    warehouse: Warehouse, rows: pa.Table, start: int, *, flag: Literal["alert", "unreliable"] = "alert"
) -> list[Alert]:
    """The episodes among ``rows``, which are those of ``reconerr`` from ``start`` (ms) on, each from its first row.

    Earlier rows are read only for symbols that had an episode going on at ``start``, step by step until all of them
    have begun.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    parts, latest, begun = [rows], rows, start
    while True:
        flagged = latest.filter(pc.fill_null(latest[flag], False))
        going_on = flagged.filter(pc.less_equal(flagged["timestamp"], begun + MOST_APART_MS))
        symbols = pc.unique(going_on["symbol"]).to_pylist()
        if not symbols:
            break
        latest = warehouse.read(
            RECONERR.name, symbols=symbols, start=begun - STEP_MS, end=begun, columns=rows.column_names
        )
        begun -= STEP_MS
        parts.insert(0, latest)
    return [one for one in episodes_of(pa.concat_tables(parts), flag=flag) if one.end >= start]
