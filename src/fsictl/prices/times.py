"""Times as files write them, to integer milliseconds since the Unix epoch, UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from fsictl.errors import InputError
from fsictl.records.ticks import IntArray

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local time, and so are those it is compared with
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE_MS = 60_000
_LAST_MINUTE = 253_402_214_400_000 // _MINUTE_MS  # 9999-12-31; calendars end soon after

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_COMPACT = re.compile(r"([0-9]{8}) ([0-9]{6})([0-9]{3})")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)

_TEMPLATES = ("YYYYMMDD hhmmssfff", "YYYYMMDD hhmmss", "YYYYMMDD hh:mm:ss.fff")
"""Layouts of fixed width that are read a column at a time; ISO 8601 is the other one."""


def zone_of(name: str) -> tzinfo:
    """The time zone of an IANA name, of ``UTC`` or of a fixed offset.

    >>> zone_of("UTC-5"), zone_of("+05:30").utcoffset(None)
    (datetime.timezone(datetime.timedelta(days=-1, seconds=68400)), datetime.timedelta(seconds=19800))
    >>> zone_of("America/New_York")
    zoneinfo.ZoneInfo(key='America/New_York')

    Raises ``InputError`` for anything else.
    """
    text = name.strip()
    if text.upper() in {"UTC", "GMT", "Z"}:
        return UTC
    match = _OFFSET.fullmatch(text)
    if match is not None:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset < timedelta(hours=24) and int(match[3] or 0) < 60:
            return timezone(offset if match[1] == "+" else -offset)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"{name!r} is not a time zone that this machine knows"
        raise InputError(message, hint="Give a name such as America/New_York, or an offset such as UTC-5.") from error


def to_utc(local_ms: IntArray, zone: tzinfo) -> IntArray:
    """Milliseconds of a local clock since its 1970-01-01 00:00, in UTC.

    When clocks go back, a local time that comes twice is taken as the first; when they go forward, one that is
    skipped is read with the offset from before.

    >>> to_utc(np.array([0, 1]), zone_of("UTC-5")).tolist()
    [18000000, 18000001]
    """
    if zone is UTC or not len(local_ms):
        return local_ms
    minutes, where = np.unique(np.clip(local_ms // _MINUTE_MS, 0, _LAST_MINUTE), return_inverse=True)
    offsets = np.fromiter((_offset_ms(int(minute), zone) for minute in minutes), np.int64, len(minutes))
    return local_ms - offsets[where]


def _offset_ms(minute: int, zone: tzinfo) -> int:
    offset = (_EPOCH + timedelta(minutes=minute)).replace(tzinfo=zone).utcoffset() or timedelta()
    return offset // timedelta(milliseconds=1)


def parse_time(text: str) -> tuple[int, bool]:
    """A time, and whether it is local (in a zone that the text does not tell).

    Integers are milliseconds since the epoch, UTC. Otherwise ISO 8601, or ``YYYYMMDD HHMMSSmmm``; what is
    smaller than a millisecond is cut off.

    >>> parse_time("1577836800000"), parse_time("2020-01-01 00:00:00.0019+00:00")
    ((1577836800000, False), (1577836800001, False))
    >>> parse_time("20200101 000000001")
    (1577836800001, True)

    Raises ``ValueError``.
    """
    if _INTEGER.fullmatch(text):
        return int(text), False
    compact = _COMPACT.fullmatch(text)
    moment = datetime.fromisoformat(f"{compact[1]}T{compact[2]}.{compact[3]}" if compact else text)
    return milliseconds(moment)


def milliseconds(moment: datetime) -> tuple[int, bool]:
    """A ``datetime`` as a time, and whether it is local."""
    if moment.tzinfo is None:
        return (moment - _EPOCH) // _MICROSECOND // 1000, True
    return (moment - _EPOCH_UTC) // _MICROSECOND // 1000, False


def parse_times(texts: Any) -> tuple[IntArray, bool] | None:
    """A column of times (Arrow strings, at least one) at once, or ``None`` when not all are of one kind.

    Whatever this reads, :func:`parse_time` reads alike.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    first = texts[0].as_py()
    if _INTEGER.fullmatch(first):
        if not pc.all(pc.match_substring_regex(texts, r"^-?[0-9]{1,18}$")).as_py():
            return None
        return texts.cast(pa.int64()).to_numpy(), False
    for template in _TEMPLATES:
        if len(first) == len(template) and first[8] == " ":
            fixed = _parse_fixed(texts, template)
            return None if fixed is None else (fixed, True)
    zoned = re.search(r"(?:Z|[+-][0-9:]{2,6})$", first[10:]) is not None
    try:
        moments = texts.cast(pa.timestamp("ns", "UTC" if zoned else None)).cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    return moments // 1_000_000, not zoned


def _parse_fixed(texts: Any, template: str) -> IntArray | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    width = len(template)
    if not pc.all(pc.equal(pc.binary_length(texts), width)).as_py():
        return None
    characters = np.frombuffer(texts.cast(pa.binary(width)).buffers()[1], np.uint8)
    characters = characters[texts.offset * width :][: len(texts) * width].reshape(-1, width)
    number = dict.fromkeys("YMDhmsf", np.zeros(len(texts), np.int64))
    for place, letter in enumerate(template):
        if letter not in number:
            if (characters[:, place] != ord(letter)).any():
                return None
            continue
        digit = characters[:, place].astype(np.int64) - ord("0")
        if ((digit < 0) | (digit > 9)).any():
            return None
        number[letter] = number[letter] * 10 + digit
    months = (number["Y"] - 1970) * 12 + number["M"] - 1
    first_day = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    last_day = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    real = (number["Y"] >= 1) & (number["M"] >= 1) & (number["M"] <= 12)
    real &= (number["D"] >= 1) & (number["D"] <= last_day - first_day)
    real &= (number["h"] < 24) & (number["m"] < 60) & (number["s"] < 60)
    if not real.all():
        return None
    days = first_day + number["D"] - 1
    seconds = ((days * 24 + number["h"]) * 60 + number["m"]) * 60 + number["s"]
    return np.asarray(seconds * 1000 + number["f"], np.int64)
