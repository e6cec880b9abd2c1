"""How a file of prices is laid out, told from its first lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fsictl.errors import InputError

FORMATS = ("auto", "histdata", "truefx", "csv", "jsonl", "parquet")
"""The formats that a file can be said to have."""

ALIASES: dict[str, tuple[str, ...]] = {
    "symbol": ("symbol", "pair", "instrument", "ticker"),
    "timestamp": ("timestamp", "time", "datetime"),
    "value": ("value", "price", "mid"),
    "bid": ("bid",),
    "ask": ("ask",),
}
"""The names, best first and in lower case, under which a column may appear."""

_NUMBER = r"[^,;]+"
_EASTERN = "UTC-5"  # HistData: US Eastern standard time all year
_BAR_END_MS = 59_999


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a line has what.

    ``columns`` says of each field what it is (``symbol``, ``timestamp``, ``value``, ``bid``, ``ask``) or is empty
    for fields that don't matter; ``skip`` lines come before the first price; ``timezone`` is that of times
    without one; ``offset_ms`` is added to every time; with ``plain_symbols`` EUR/USD is EURUSD.
    """

    format: str
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    skip: int = 0
    timezone: str = "UTC"
    offset_ms: int = 0
    plain_symbols: bool = False


_HEADERLESS: tuple[tuple[re.Pattern[str], Layout], ...] = (
    (
        re.compile(rf"\d{{8}} \d{{9}},{_NUMBER},{_NUMBER},{_NUMBER}", re.ASCII),
        Layout("histdata", ("timestamp", "bid", "ask", ""), timezone=_EASTERN),
    ),
    (
        re.compile(rf"\d{{8}} \d{{6}}(?:;{_NUMBER}){{5}}", re.ASCII),
        # A minute's bar: its close, which is known when the minute is over.
        Layout("histdata", ("timestamp", "", "", "", "value", ""), ";", timezone=_EASTERN, offset_ms=_BAR_END_MS),
    ),
    (
        re.compile(rf"[A-Za-z/]{{6,7}},\d{{8}} \d\d:\d\d:\d\d\.\d+,{_NUMBER},{_NUMBER}", re.ASCII),
        Layout("truefx", ("symbol", "timestamp", "bid", "ask"), plain_symbols=True),
    ),
    (
        re.compile(rf"[A-Za-z0-9._/\-]{{1,32}},(?:\d+|\d{{4}}-\d\d-\d\d[^,]*),{_NUMBER}", re.ASCII),
        Layout("csv", ("symbol", "timestamp", "value")),
    ),
)


def find_columns(names: Sequence[str]) -> tuple[str, ...] | None:
    """What each of the columns of these names is; ``None`` without a time, or without a price.

    >>> find_columns(["Time", "Bid", "Ask", "Volume"])
    ('timestamp', 'bid', 'ask', '')
    >>> find_columns(["time", "volume"]) is None
    True
    """
    lower = [name.strip().strip('"').lower() for name in names]
    found: dict[int, str] = {}
    for meaning, aliases in ALIASES.items():
        place = next((lower.index(alias) for alias in aliases if alias in lower), None)
        if place is not None:
            found[place] = meaning
    meanings = set(found.values())
    if "value" in meanings:
        found = {place: meaning for place, meaning in found.items() if meaning not in {"bid", "ask"}}
    elif not {"bid", "ask"} <= meanings:
        return None
    if "timestamp" not in meanings:
        return None
    return tuple(found.get(place, "") for place in range(len(names)))


def no_columns(where: str, names: Sequence[str]) -> InputError:
    """The error for columns that are not those of prices."""
    message = f"{where} has the columns {', '.join(name.strip() or '(no name)' for name in names)}"
    return InputError(message, hint="Needed are timestamp, and value or bid and ask; symbol is welcome.")


def layout_of(lines: Sequence[str], wanted: str, where: str) -> Layout:
    """The layout of a text file with these first lines.

    ``wanted`` is one of ``FORMATS`` but ``parquet``. Raises ``InputError``, naming ``where``, when the lines don't
    show it.
    """
    filled = [(number, line.strip()) for number, line in enumerate(lines) if line.strip()]
    if not filled:
        message = f"{where} is empty"
        raise InputError(message, hint="Give a file with at least one price.")
    number, first = filled[0]
    if wanted == "jsonl" or (wanted == "auto" and first.startswith("{")):
        return Layout("jsonl")
    for delimiter in (",", ";", "\t"):
        columns = find_columns(first.split(delimiter))
        if columns is not None and wanted in {"auto", "csv", "truefx"}:
            return Layout("csv", columns, delimiter, skip=number + 1)
    if wanted in {"auto", "csv"} and _looks_like_header(first):
        raise no_columns(where, re.split(r"[,;\t]", first))
    for _, line in filled:
        for pattern, layout in _HEADERLESS:
            if wanted in {"auto", layout.format} and pattern.fullmatch(line):
                return layout
    if wanted == "auto" and any(line.startswith("{") for _, line in filled):
        return Layout("jsonl")
    shown = first if len(first) <= 60 else f"{first[:60]}…"
    kind = "a file of prices" if wanted == "auto" else f"in the format {wanted}"
    message = f"{where} is not {kind}: it begins with {shown!r}"
    raise InputError(
        message, hint="Known are HistData and TrueFX files, and csv, jsonl and parquet with named columns."
    )


def _looks_like_header(line: str) -> bool:
    return all(re.fullmatch(r'[ "]*[^\W\d][\w ./()"-]*', name) for name in re.split(r"[,;\t]", line))
