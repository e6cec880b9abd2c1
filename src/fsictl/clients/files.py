"""Files of real transactions: csv, jsonl or parquet; what cannot be used is kept as rejects and stops nothing."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from fsictl.errors import InputError
from fsictl.records.arrow import table_of
from fsictl.records.message import Reject
from fsictl.records.schemas import TRANSACTIONS
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SYMBOL_PATTERN

ROWS_AT_ONCE = 20_000
UNKNOWN_SYMBOL = "unknown"
MOST = 1e15
"""Amounts further from zero than this are mistakes, and would not fit into the exact decimals of the models."""

NAMES: dict[str, tuple[str, ...]] = {
    "client_id": ("client_id", "client", "customer_id", "customer"),
    "timestamp": ("timestamp", "time", "date"),
    "amount": ("amount", "value", "monetary", "notional"),
    "transaction_id": ("transaction_id", "trade_id"),
    "symbol": ("symbol",),
    "side": ("side",),
    "price": ("price",),
}
"""The names that each column may have in a file, in any case; the first three columns must be there."""

_ID = re.compile("[^\x00-\x1f\x7f\ud800-\udfff]{1,128}")


class BadTransactionError(ValueError):
    """Why a row is no transaction: a stable word and a sentence."""

    def __init__(self, *, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_transactions(path: Path) -> Iterator[tuple[pa.Table, list[Reject]]]:
    """Blocks of transactions of a file, each with what could not be used beside them.

    A transaction without an identifier gets one from what it says, and from how many of the same came before it in
    the file: the same file gives the same identifiers, and two equal rows stay two transactions. For that, one number
    a row is kept in memory. Raises ``InputError`` for a file that cannot be read, or that lacks a column.
    """
    reader = {".csv": _csv_rows, ".jsonl": _jsonl_rows, ".parquet": _parquet_rows}.get(path.suffix.lower())
    if reader is None:
        message = f"transactions cannot be read from {path.name}: its ending says no known format"
        raise InputError(message, hint="Use a file that ends in .csv, .jsonl or .parquet.")
    seen: Counter[int] = Counter()
    try:
        rows = reader(path)
        while block := list(islice(rows, ROWS_AT_ONCE)):
            yield _block(path, block, seen)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise InputError(message, hint="Check the name of the file and its permissions.") from error
    except (pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        message = f"{path} is not a {path.suffix.lower().removeprefix('.')} file: {error}"
        raise InputError(message, hint="Check the file; UTF-8 is expected of texts.") from error


_Row = tuple[int, Mapping[str, Any] | None, bytes]
"""The number of a row in its file, its columns by our names if it has any, and what it was."""


def _block(path: Path, rows: list[_Row], seen: Counter[int]) -> tuple[pa.Table, list[Reject]]:
    good, rejects = [], []
    for number, row, data in rows:
        try:
            if row is None:
                raise BadTransactionError(reason="malformed", detail="the line is no row of the file's columns")
            good.append(transaction_of(row, seen))
        except BadTransactionError as bad:
            rejects.append(Reject(bad.reason, str(bad), data, f"{path.name}:{number}"))
    return table_of(TRANSACTIONS, {name: [row[name] for row in good] for name in TRANSACTIONS.names}), rejects


def transaction_of(row: Mapping[str, Any], seen: Counter[int]) -> dict[str, Any]:
    """The transaction that a row says; ``BadTransactionError`` when it says none.

    >>> made = transaction_of({"client_id": 7, "timestamp": "1997-01-01", "amount": "29.33"}, Counter())
    >>> made["client_id"], made["timestamp"], made["amount"], made["symbol"]
    ('7', 852076800000, 29.33, 'unknown')
    """
    said = {name: row.get(name) for name in NAMES}
    client = _identifier("client", said["client_id"])
    timestamp, amount = _timestamp(said["timestamp"]), _number("amount", said["amount"])
    if abs(amount) > MOST:
        raise BadTransactionError(reason="bad-amount", detail=f"the amount {amount} is further from zero than {MOST:g}")
    symbol = UNKNOWN_SYMBOL if _is_empty(said["symbol"]) else str(said["symbol"]).strip()
    if SYMBOL_PATTERN.fullmatch(symbol) is None:
        raise BadTransactionError(
            reason="bad-symbol", detail=f"the symbol {symbol!r} is not 1 to 32 characters of A-Z a-z 0-9 . _ - /"
        )
    side = None if _is_empty(said["side"]) else str(said["side"]).strip().lower()
    if side not in {None, "buy", "sell"}:
        raise BadTransactionError(reason="bad-side", detail=f"the side {side!r} is neither buy nor sell")
    price = None if _is_empty(said["price"]) else _number("price", said["price"])
    made = {
        "symbol": symbol,
        "timestamp": timestamp,
        "client_id": client,
        "amount": amount,
        "side": side,
        "price": price,
    }
    given = said["transaction_id"]
    made["transaction_id"] = _made_up(made, seen) if _is_empty(given) else _identifier("transaction", given)
    return made


def _made_up(made: Mapping[str, Any], seen: Counter[int]) -> str:
    said = json.dumps([made[name] for name in sorted(made)]).encode()
    digest = hashlib.sha256(said)
    key = int.from_bytes(digest.digest()[:8], "big")
    seen[key] += 1
    return f"{digest.hexdigest()[:24]}-{seen[key]}"


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _identifier(what: str, value: object) -> str:
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    text = "" if whole is None or isinstance(whole, bool) else str(whole).strip()
    if _ID.fullmatch(text) is None:
        raise BadTransactionError(reason=f"bad-{what}", detail=f"the {what} {value!r} is not 1 to 128 characters")
    return text


def _number(what: str, value: object) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # refused below
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadTransactionError(reason=f"bad-{what}", detail=f"the {what} {value!r} is not a finite number")
    return number


def _timestamp(value: object) -> int:
    """Milliseconds of an ISO-8601 date or time (UTC without a zone), or of milliseconds since 1970."""
    found = _milliseconds(value)
    if found is None or not 0 <= found <= MAX_TIMESTAMP_MS:
        raise BadTransactionError(
            reason="bad-timestamp", detail=f"{value!r} is neither a date from 1970 on nor milliseconds since then"
        )
    return found


def _milliseconds(value: object) -> int | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if text.isascii() and text.isdigit() and 8 < len(text) < 20:
        return int(text)
    try:
        return _of_moment(value if isinstance(value, datetime) else datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _of_moment(moment: datetime) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


# --------------------------------------------------------------------------------------------- formats


def _ours(path: Path, names: list[str]) -> list[str | None]:
    """What the columns of the file are called here; ``InputError`` when one that is needed is not there."""
    lower = [name.strip().lower() for name in names]
    found: list[str | None] = [None] * len(names)
    for ours, theirs in NAMES.items():
        place = next((lower.index(name) for name in theirs if name in lower), None)
        if place is not None:
            found[place] = ours
        elif ours in {"client_id", "timestamp", "amount"}:
            message = f"{path} has no column {ours}"
            raise InputError(message, hint=f"Name it {' or '.join(theirs)}, in the first line of a csv file.")
    return found


def _csv_rows(path: Path) -> Iterator[_Row]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file)
        header = next(lines, None)
        if header is None:
            message = f"{path} is empty"
            raise InputError(message, hint="Give a file with a first line of column names.")
        names = _ours(path, header)
        for cells in lines:
            if cells:
                data = ",".join(cells).encode("utf-8", "surrogateescape")
                row = {name: cell for name, cell in zip(names, cells, strict=False) if name is not None}
                yield lines.line_num, row if len(cells) == len(names) else None, data


def _jsonl_rows(path: Path) -> Iterator[_Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                said = json.loads(line)
            except (ValueError, RecursionError):
                said = None
            yield number, _renamed(said) if isinstance(said, dict) else None, line.rstrip(b"\r\n")


def _renamed(said: Mapping[str, Any]) -> dict[str, Any]:
    lower = {str(name).lower(): value for name, value in said.items()}
    return {ours: next((lower[name] for name in theirs if name in lower), None) for ours, theirs in NAMES.items()}


def _parquet_rows(path: Path) -> Iterator[_Row]:
    with parquet.ParquetFile(path) as file:
        names = _ours(path, file.schema_arrow.names)
        number = 0
        for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
            for said in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                row = {name: value for name, value in zip(names, said, strict=True) if name is not None}
                yield number, row, json.dumps(row, default=str).encode()
