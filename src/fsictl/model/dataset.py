"""The rows a training reads: a symbol's, or every symbol's, stored metrics of some hours, and their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields

from fsictl.errors import NotEnoughDataError
from fsictl.model.card import Snapshot
from fsictl.model.columns import COLUMNS, Columns, columns_of
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS

HOUR_MS = 3_600_000


def newest_until(warehouse: Warehouse, symbol: str | None) -> int:
    """One millisecond after the newest stored row, so that a training does not depend on when it is started."""
    stored = [extent for extent in warehouse.extents(METRICS.name) if symbol in (None, extent.symbol)]
    if not stored:
        message = f"no metrics of {symbol} are stored" if symbol else "no metrics are stored"
        raise NotEnoughDataError(message, hint="Let the streams run for a while, or load prices from a file first.")
    return max(extent.last for extent in stored) + 1


def read_rows(warehouse: Warehouse, *, symbol: str | None, hours: float, until: int) -> tuple[Columns, Snapshot]:
    """Rows of the ``hours`` before ``until`` (ms), of one symbol or (``None``) of all."""
    since = until - round(hours * HOUR_MS)
    columns = read_range(warehouse, None if symbol is None else [symbol], since, until)
    return columns, Snapshot(columns.symbols, since, until, len(columns), hash_of(columns))


def read_range(warehouse: Warehouse, symbols: Sequence[str] | None, since: int, until: int) -> Columns:
    """Rows of these symbols (``None``: all) with ``since <= timestamp < until`` (ms)."""
    return columns_of(warehouse.read(METRICS.name, symbols=symbols, start=since, end=until, columns=COLUMNS))


def hash_of(columns: Columns) -> str:
    """SHA-256 of every value that the model reads, symbol names included."""
    digest = hashlib.sha256("\n".join(columns.symbols).encode())
    for field in fields(columns):
        if field.name != "symbols":
            digest.update(getattr(columns, field.name).tobytes())
    return digest.hexdigest()
