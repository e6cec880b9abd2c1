"""Prices written to a file: csv, jsonl or parquet by its ending, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fsictl.records.arrow import ticks_to_table
from fsictl.records.files import write_rows
from fsictl.records.ticks import Ticks

COLUMNS = ["symbol", "timestamp", "value"]


def write_prices(path: Path, source: Iterable[Ticks]) -> int:
    """Write ``symbol,timestamp,value`` of every tick, in order; returns how many.

    Timestamps are integer milliseconds, values have full precision. The file appears, or takes the place of an
    older one, when all is written; until then, and after any failure, there is only what was there before.

    Raises ``InputError`` for another ending, ``StorageError`` when the disk or the directory refuses.
    """
    schema = ticks_to_table(Ticks.empty()).select(COLUMNS).schema
    return write_rows(path, schema, (ticks_to_table(ticks).select(COLUMNS) for ticks in source))
