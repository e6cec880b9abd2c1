"""The ports in memory: small, slow and faithful, for tests."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fsictl.errors import InputError
from fsictl.ports.messenger import Channel, PipelineProgress
from fsictl.ports.warehouse import Extent
from fsictl.records.arrow import empty_table
from fsictl.records.message import Message, Received
from fsictl.records.schemas import TABLES


class MemoryWarehouse:
    """The port ``Warehouse`` without SQL and sinks. ``failure`` is raised by every read while it is set."""

    def __init__(self, **tables: pa.Table) -> None:
        self.tables = {name: empty_table(schema) for name, schema in TABLES.items()} | tables
        self._lock = threading.Lock()
        self.failure: Exception | None = None
        self.reads = 0

    def write(self, table: str, rows: pa.Table) -> None:
        key = list(TABLES[table].key)
        with self._lock:
            both = pa.concat_tables([self.tables[table], rows.select(list(TABLES[table].names))])
            both = both.append_column("_at", pa.array(range(both.num_rows)))
            last = both.group_by(key).aggregate([("_at", "max")])["_at_max"]
            kept = both.take(last)
            self.tables[table] = kept.drop_columns(["_at"]).sort_by([(name, "ascending") for name in key])

    def read(
        self,
        table: str,
        *,
        symbols: Sequence[str] | None = None,
        start: int | None = None,
        end: int | None = None,
        columns: Sequence[str] | None = None,
        newest: int | None = None,
    ) -> pa.Table:
        if self.failure is not None:
            raise self.failure
        self.reads += 1
        time = "timestamp" if "timestamp" in TABLES[table].names else "at"
        rows = self.tables[table]
        if symbols is not None:
            rows = rows.filter(pc.is_in(rows["symbol"], pa.array(list(symbols), pa.string())))
        if start is not None:
            rows = rows.filter(pc.greater_equal(rows[time], start))
        if end is not None:
            rows = rows.filter(pc.less(rows[time], end))
        if newest is not None and rows.num_rows > newest:
            rows = rows.sort_by([(time, "descending")]).slice(0, newest)
            rows = rows.sort_by([(name, "ascending") for name in TABLES[table].key])
        return rows if columns is None else rows.select(list(columns))

    def extents(self, table: str) -> list[Extent]:
        if self.failure is not None:
            raise self.failure
        if "symbol" not in TABLES[table].names:
            return []
        found = (
            self.tables[table].group_by("symbol").aggregate([("symbol", "count"), ("timestamp", "min_max")]).to_pylist()
        )
        extents = [
            Extent(row["symbol"], row["symbol_count"], row["timestamp_min_max"]["min"], row["timestamp_min_max"]["max"])
            for row in found
        ]
        return sorted(extents, key=lambda extent: extent.symbol)

    def query(self, sql: str, limit: int | None = None) -> pa.Table:
        raise NotImplementedError

    def sink(self, pipeline: str, inputs: Sequence[str]) -> Channel:
        raise NotImplementedError


class MemoryMessenger:
    """The part of the port ``Messenger`` that the dashboard uses: how far pipelines are."""

    def __init__(self, *known: PipelineProgress) -> None:
        self._known = {progress.name: progress for progress in known}

    def publish(self, messages: Sequence[tuple[str, Message]]) -> None:
        raise NotImplementedError

    def channel(self, pipeline: str, inputs: Sequence[str], output: str) -> Channel:
        raise NotImplementedError

    def read(self, topic: str, after: str | None = None, limit: int = 1000) -> list[Received]:
        raise NotImplementedError

    def end(self, topic: str) -> int:
        return 0

    def progress(self, pipeline: str) -> PipelineProgress | None:
        return self._known.get(pipeline)


class MemoryArtifacts:
    """The port ``Artifacts``."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, bytes]] = {}
        self.pointers: dict[str, str] = {}

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        if self.stored.setdefault(folder, dict(files)) != dict(files):
            message = f"{folder} is there already"
            raise InputError(message, hint="Choose another name.")

    def get(self, folder: str, file: str) -> bytes:
        try:
            return self.stored[folder][file]
        except KeyError as error:
            message = f"there is no {folder}/{file}"
            raise InputError(message, hint="See what is there.") from error

    def folders(self) -> list[str]:
        return sorted(self.stored)

    def point(self, alias: str, folder: str) -> None:
        if folder not in self.stored:
            message = f"there is no {folder}"
            raise InputError(message, hint="See what is there.")
        self.pointers[alias] = folder

    def swap(self, alias: str, expected: str | None, folder: str) -> bool:
        if self.pointers.get(alias) != expected:
            return False
        self.point(alias, folder)
        return True

    def forget(self, alias: str) -> None:
        self.pointers.pop(alias, None)

    def resolve(self, alias: str) -> str | None:
        return self.pointers.get(alias)

    def aliases(self) -> dict[str, str]:
        return dict(self.pointers)
