"""Rows as a csv, jsonl or parquet file, written block by block."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pyarrow as pa
from pyarrow import csv, parquet

from fsictl.errors import InputError, StorageError

ENDINGS = (".csv", ".jsonl", ".parquet")

_ROWS_A_GROUP = 250_000


def write_rows(out: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> int:
    """Write the tables, one after the other, in the form that the file's ending names; returns the rows written.

    The file appears whole or not at all. Null is an empty field in csv and ``null`` in jsonl; numbers have full
    precision. Raises ``InputError`` for another ending, ``StorageError`` when the disk refuses.
    """
    write = _WRITERS.get(out.suffix.lower())
    if write is None:
        message = f"rows cannot be written to {out.name}: its ending says no known format"
        raise InputError(message, hint=f"Use a name that ends in {', '.join(ENDINGS)}.")
    rows = 0

    def counted() -> Iterator[pa.Table]:
        nonlocal rows
        for table in tables:
            rows += table.num_rows
            yield table

    with replacing(out) as file:
        write(file, schema, counted())
    return rows


@contextmanager
def replacing(out: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of ``out`` when the block ends well, and goes away when it does not."""
    new = out.with_name(f".{out.name}.{secrets.token_hex(6)}.new")
    try:
        if out.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with new.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        new.replace(out)
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror or error}"
        raise StorageError(message, hint="Choose a directory that exists, can be written to and has room.") from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _write_csv(file: IO[bytes], schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    file.write(",".join(schema.names).encode() + b"\n")
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    quoting = "none" if texts == ["symbol"] else "needed"  # a symbol has nothing to quote
    options = csv.WriteOptions(include_header=False, quoting_style=quoting)
    with csv.CSVWriter(file, schema, write_options=options) as writer:
        for table in tables:
            if table.num_rows:  # Arrow's writer puts NUL bytes where a table has an empty chunk
                writer.write_table(table.combine_chunks())


def _write_jsonl(file: IO[bytes], _schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    for table in tables:
        for row in table.to_pylist():
            file.write(json.dumps(row).encode() + b"\n")


def _write_parquet(file: IO[bytes], schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for table in _large(tables):
            writer.write_table(table)


def _large(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of about a row group."""
    waiting: list[pa.Table] = []
    held = 0
    for table in tables:
        waiting.append(table)
        held += table.num_rows
        if held >= _ROWS_A_GROUP:
            yield pa.concat_tables(waiting)
            waiting, held = [], 0
    if held:
        yield pa.concat_tables(waiting)


_WRITERS: dict[str, Callable[[IO[bytes], pa.Schema, Iterable[pa.Table]], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
