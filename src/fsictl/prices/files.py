"""Prices written to a file: csv, jsonl or parquet by its ending, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from fsictl.errors import InputError, StorageError
from fsictl.records.ticks import Ticks

_ROWS_A_GROUP = 250_000

ENDINGS = (".csv", ".jsonl", ".parquet")
"""The file endings that prices can be written to."""


def write_prices(path: Path, source: Iterable[Ticks]) -> int:
    """Write ``symbol,timestamp,value`` of every tick, in order; returns how many.

    Timestamps are integer milliseconds, values have full precision. The file appears, or takes the place of an
    older one, when all is written; until then, and after any failure, there is only what was there before.

    Raises ``InputError`` for another ending, ``StorageError`` when the disk or the directory refuses.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        message = f"prices cannot be written to {path.name}: its ending says no known format"
        raise InputError(message, hint=f"Use a name that ends in {', '.join(ENDINGS)}.")
    try:
        with _replacing(path) as file:
            return writer(file, source)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}"
        raise StorageError(message, hint="Choose a directory that exists, can be written to and has room.") from error


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file beside ``path`` that takes its place when the block ends well, and goes away when it does not."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _table(ticks: Ticks) -> Any:
    from fsictl.records.arrow import ticks_to_table

    return ticks_to_table(ticks).select(["symbol", "timestamp", "value"])


def _write_csv(file: IO[bytes], source: Iterable[Ticks]) -> int:
    from pyarrow import csv

    options = csv.WriteOptions(include_header=False, quoting_style="none")  # symbols never need quotes
    file.write(b"symbol,timestamp,value\n")
    rows = 0
    for ticks in source:
        csv.write_csv(_table(ticks), file, options)
        rows += len(ticks)
    return rows


def _write_jsonl(file: IO[bytes], source: Iterable[Ticks]) -> int:
    rows = 0
    for ticks in source:
        symbols = [f'{{"symbol":"{symbol}","timestamp":' for symbol in ticks.symbols]
        columns = zip(ticks.code.tolist(), ticks.timestamp.tolist(), ticks.value.tolist(), strict=True)
        file.write("".join([f'{symbols[code]}{time},"value":{value!r}}}\n' for code, time, value in columns]).encode())
        rows += len(ticks)
    return rows


def _write_parquet(file: IO[bytes], source: Iterable[Ticks]) -> int:
    from pyarrow import parquet

    rows, waiting, held = 0, list[Ticks](), 0
    with parquet.ParquetWriter(file, _table(Ticks.empty()).schema, compression="zstd") as writer:
        for ticks in source:
            waiting.append(ticks)
            rows, held = rows + len(ticks), held + len(ticks)
            if held >= _ROWS_A_GROUP:
                writer.write_table(_table(Ticks.concat(waiting)))
                waiting, held = [], 0
        if held:
            writer.write_table(_table(Ticks.concat(waiting)))
    return rows


_WRITERS: dict[str, Callable[[IO[bytes], Iterable[Ticks]], int]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
