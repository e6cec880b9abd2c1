"""What an engine made, in a form that can be compared bit for bit, and the first place where two differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fsictl.records.encoding import decode_rows
from fsictl.records.message import Message, Received
from fsictl.records.schemas import Schema

MISSING = "no such row"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An engine's rows, sorted by their key, and its dead letters (origin and original bytes), sorted too."""

    rows: pa.Table
    letters: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two outcomes differ; numbers are given in hexadecimal, so that every bit is seen."""

    symbol: str
    timestamp: int | None
    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        where = self.symbol if self.timestamp is None else f"{self.symbol} at {self.timestamp}"
        return f"{where}, {self.column}: {self.expected} and {self.found}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def outcome_of(schema: Schema, messages: Sequence[Message], letters: Sequence[Message] = ()) -> Outcome:
    """The rows in messages, whatever their order, and what dead letters say."""
    decoded = decode_rows(schema, [Received(schema.name, "0", message, 0) for message in messages])
    rows = decoded.table.sort_by([(column, "ascending") for column in schema.key])
    unread = [(reject.origin, reject.data) for reject in decoded.rejects]
    return Outcome(rows, tuple(sorted(unread + [(letter.attributes["origin"], letter.data) for letter in letters])))


def first_difference(schema: Schema, expected: Outcome, found: Outcome) -> Difference | None:
    """The first difference by key and then by column, if any bit differs; dead letters come last."""
    return _rows_differ(schema, expected.rows, found.rows) or _letters_differ(expected.letters, found.letters)


def _rows_differ(schema: Schema, expected: pa.Table, found: pa.Table) -> Difference | None:
    length = min(expected.num_rows, found.num_rows)
    differs = {
        name: _bits_differ(expected.column(name).slice(0, length), found.column(name).slice(0, length))
        for name in schema.names
    }
    places = np.flatnonzero(np.any(list(differs.values()), axis=0)) if length else np.empty(0, np.int64)
    place = int(places[0]) if len(places) else length
    if place == max(expected.num_rows, found.num_rows):
        return None
    key_differs = place == length or any(differs[name][place] for name in schema.key)
    if key_differs:
        return _row_missing(schema, expected, found, place)
    column = next(name for name in schema.names if differs[name][place])
    one, two = (table.column(column)[place].as_py() for table in (expected, found))
    return Difference(*_place(expected, place), column, _exactly(one), _exactly(two))


def _row_missing(schema: Schema, expected: pa.Table, found: pa.Table, place: int) -> Difference:
    def key(table: pa.Table) -> tuple[Any, ...] | None:
        return tuple(table.column(name)[place].as_py() for name in schema.key) if place < table.num_rows else None

    one, two = key(expected), key(found)
    if two is None or (one is not None and one < two):
        return Difference(*_place(expected, place), "the whole row", "there", MISSING)
    return Difference(*_place(found, place), "the whole row", MISSING, "there")


def _place(table: pa.Table, place: int) -> tuple[str, int]:
    return table.column("symbol")[place].as_py(), table.column("timestamp")[place].as_py()


def _bits_differ(one: pa.ChunkedArray, two: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    nulls = [column.is_null().to_numpy() for column in (one, two)]
    values = [_bits(column) for column in (one, two)]
    differ: npt.NDArray[np.bool_] = (nulls[0] != nulls[1]) | (~nulls[0] & (values[0] != values[1]))
    return differ


def _bits(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """The column without nulls, doubles as the integers that have their bits."""
    if pa.types.is_floating(column.type):
        return np.asarray(column.fill_null(0.0).to_numpy(), np.float64).view(np.int64)
    if pa.types.is_string(column.type):
        return np.array(column.fill_null("").to_pylist(), dtype=object)
    return np.asarray(column.fill_null(False if pa.types.is_boolean(column.type) else 0).to_numpy())


def _exactly(value: object) -> str:
    """
    >>> _exactly(0.1), _exactly(3), _exactly(None)
    ('0x1.999999999999ap-4 (0.1)', '3', 'null')
    """
    if value is None:
        return "null"
    return f"{value.hex()} ({value!r})" if isinstance(value, float) else repr(value)


def _letters_differ(expected: tuple[tuple[str, bytes], ...], found: tuple[tuple[str, bytes], ...]) -> Difference | None:
    if expected == found:
        return None
    only = sorted(set(expected) ^ set(found)) or sorted({*expected, *found})
    origin, data = only[0]
    said = [f"{letters.count(only[0])} times" for letters in (expected, found)]
    return Difference(origin, None, f"dead letter {data.decode(errors='backslashreplace')}", *said)
