"""Real prices from files, in chunks: every row becomes a tick or a reject that says why not."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BufferedReader
from pathlib import Path

from fsictl.errors import InputError
from fsictl.prices import columnar, delimited, jsonlines
from fsictl.prices.layout import FORMATS, Layout, layout_of
from fsictl.prices.rows import Problem, Reading, Rows, rejected, usable
from fsictl.prices.times import zone_of
from fsictl.records.message import Reject
from fsictl.records.ticks import SYMBOL_PATTERN, Ticks

Chunk = tuple[Ticks, list[Reject]]
"""Ticks in the order of the file, and what was not usable among them."""

_Stream = BufferedReader | gzip.GzipFile

_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_BOM = b"\xef\xbb\xbf"

_CURRENCY = (
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|CNH|CNY|COP|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PEN|PHP|PLN|"
    "RON|RUB|SAR|SEK|SGD|THB|TRY|TWD|USD|XAG|XAU|XPD|XPT|ZAR"
)
_PAIR = re.compile(rf"(?<![A-Za-z])({_CURRENCY})[-_/]?({_CURRENCY})(?![A-Za-z])", re.IGNORECASE)


def symbol_in(file_name: str) -> str | None:
    """The currency pair that a file name tells, or ``None``.

    >>> symbol_in("eurusd_2020-01-01_quotes.csv"), symbol_in("DAT_ASCII_USDJPY_T_202001.csv"), symbol_in("prices.csv")
    ('EURUSD', 'USDJPY', None)
    """
    match = _PAIR.search(file_name)
    return None if match is None else (match[1] + match[2]).upper()


def read_prices(
    path: Path,
    *,
    format: str = "auto",  # noqa: A002 - the name of the option
    symbol: str | None = None,
    timezone: str | None = None,
    block_bytes: int = _BLOCK_BYTES,
) -> Iterator[Chunk]:
    """The prices of a file, a chunk at a time, in the order of the file; ``.gz`` is unpacked on the way.

    Read are HistData quotes and one-minute bars (their close, at the end of the minute), TrueFX quotes, and csv,
    jsonl and parquet with named columns (see :mod:`fsictl.prices.layout`), the last two also known by the file's
    ending. The price of a bid and an ask is their mean. ``symbol`` is for files whose rows name none; without it the
    file's name must tell. ``timezone`` is that of times that don't tell theirs (HistData: UTC−5, all others: UTC);
    see :func:`~fsictl.prices.times.to_utc` for hours that come twice or not at all. Order is left as it is.

    A row that is no price is a :class:`~fsictl.records.message.Reject` with its bytes and ``file:line``.
    Raises ``InputError`` when the file cannot be read or understood, at once, and at its end when no row in it
    was usable.
    """
    if format not in FORMATS:
        message = f"{format!r} is not a format of price files"
        raise InputError(message, hint=f"Choose from {', '.join(FORMATS)}.")
    if symbol is not None and SYMBOL_PATTERN.fullmatch(symbol) is None:
        message = f"{symbol!r} is not a symbol"
        raise InputError(message, hint="A symbol has 1 to 32 characters of A-Z a-z 0-9 . _ - /")
    if format == "auto":
        ending = path.name.lower().removesuffix(".gz").rpartition(".")[2]
        format = ending if ending in {"jsonl", "parquet"} else "auto"  # noqa: A001 - the name of the option
    stream = _open(path)
    try:
        head = stream.read(_HEAD_BYTES)
        if format == "parquet" or (format == "auto" and head.startswith(_PARQUET)):
            stream.close()
            columns = columnar.parquet_columns(path)
            reading = _reading(path, Layout("parquet", columns), symbol, timezone)
            return _checked(path, columnar.read_parquet(path, reading, columns))
        head = head.removeprefix(_BOM)
        if b"\0" in head:
            message = f"{path} is not a text file"
            raise InputError(message, hint="Give a csv, jsonl or parquet file of prices.")
        layout = layout_of(head.decode(errors="replace").split("\n"), format, str(path))
        reading = _reading(path, layout, symbol, timezone)
    except (OSError, EOFError, zlib.error) as error:
        stream.close()
        raise _unreadable(path, error) from error
    except BaseException:
        stream.close()
        raise
    return _checked(path, _read_text(path, stream, head=head, layout=layout, reading=reading, block_bytes=block_bytes))


def read_all_prices(
    path: Path,
    *,
    format: str = "auto",  # noqa: A002 - the name of the option
    symbol: str | None = None,
    timezone: str | None = None,
) -> Chunk:
    """All of :func:`read_prices` at once, in the order of the file."""
    parts: list[Ticks] = []
    rejects: list[Reject] = []
    for ticks, bad in read_prices(path, format=format, symbol=symbol, timezone=timezone):
        parts.append(ticks)
        rejects += bad
    return Ticks.concat(parts), rejects


def _open(path: Path) -> _Stream:
    try:
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        if stream.seekable():
            packed = stream.read(2) == _GZIP
            stream.seek(0)
            if packed:
                stream.close()
                return gzip.open(path, "rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    return stream


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    message = f"{path} cannot be read: {reason}"
    return InputError(message, hint="Check the path, that it is a file, whole, and that you may read it.")


def _reading(path: Path, layout: Layout, symbol: str | None, timezone: str | None) -> Reading:
    own = layout.format == "jsonl" or "symbol" in layout.columns
    if own and symbol is not None and layout.format != "jsonl":
        message = f"{path} names a symbol in every row, so {symbol} cannot be that of all"
        raise InputError(message, hint="Leave the symbol away.")
    told = symbol or symbol_in(path.name)
    if told is None and not own:
        message = f"{path} does not say which symbol its prices are of"
        raise InputError(message, hint="Give the symbol, or put it into the file's name: eurusd_2020.csv.")
    zone = zone_of(layout.timezone if timezone is None else timezone)
    return Reading(told or "", zone, layout.offset_ms, layout.plain_symbols)


def _read_text(
    path: Path, stream: _Stream, *, head: bytes, layout: Layout, reading: Reading, block_bytes: int
) -> Iterator[Chunk]:
    parse: Callable[[bytes], tuple[Rows, list[Problem]]] = (
        partial(jsonlines.parse_block, reading=reading)
        if layout.format == "jsonl"
        else partial(delimited.parse_block, layout=layout, reading=reading)
    )
    before = layout.skip
    head = head.split(b"\n", layout.skip)[-1] if head.count(b"\n") >= layout.skip else b""
    try:
        with stream:
            for block in _blocks(stream, head, block_bytes):
                yield _chunk(block, *parse(block), name=path.name, before=before)
                before += block.count(b"\n")
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error


def _blocks(stream: _Stream, head: bytes, block_bytes: int) -> Iterator[bytes]:
    """The file in blocks of whole lines; a line longer than a block is cut, which makes it malformed."""
    rest = head
    while True:
        more = stream.read(block_bytes)
        if not more:
            break
        cut = more.rfind(b"\n") + 1
        if not cut and len(rest) + len(more) < 2 * block_bytes:
            rest += more
            continue
        yield rest + more[: cut or None]
        rest = more[cut:] if cut else b""
    if rest:
        yield rest


def _chunk(block: bytes, rows: Rows, problems: list[Problem], *, name: str, before: int) -> Chunk:
    ticks, unusable = usable(rows)
    if not problems and not unusable:
        return ticks, []
    lines = block.split(b"\n")
    return ticks, rejected(
        problems + unusable, lambda row: lines[row].removesuffix(b"\r"), lambda row: f"{name}:{before + row + 1}"
    )


def _checked(path: Path, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, and an error at the end when no tick was among them."""
    found = False
    first: Reject | None = None
    for ticks, rejects in chunks:
        found = found or len(ticks) > 0
        first = first or next(iter(rejects), None)
        if len(ticks) or rejects:
            yield ticks, rejects
    if found:
        return
    if first is None:
        message = f"{path} has no prices"
    else:
        message = f"{path} has no usable price: {first.origin}: {first.detail}"
    raise InputError(message, hint="Check the format, and that the file is what you meant.")
