"""How people write durations and moments."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from fsictl.errors import UsageError

MAX_MS = 253_402_300_799_999
"""The last millisecond of the year 9999; no moment is further from 1970."""

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|)")


def duration(text: str) -> float:
    """Seconds of a duration such as ``90``, ``90s``, ``15m``, ``2h``, ``1d`` or ``1h30m``; ``UsageError`` otherwise.

    >>> duration("90s"), duration("1h30m"), duration("2 d")
    (90.0, 5400.0, 172800.0)
    """
    parts = [match for match in _DURATION.finditer(text.strip().lower()) if match.group(0)]
    if not parts or "".join(match.group(0) for match in parts) != text.strip().lower():
        message = f"{text!r} is not a duration"
        raise UsageError(message, hint="Write a number with a unit: 90s, 15m, 2h or 1d.")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in (match.groups() for match in parts))
    if seconds > MAX_MS / 1000:
        message = f"{text[:40]!r} is longer than 8,000 years"
        raise UsageError(message, hint="Write a number with a unit: 90s, 15m, 2h or 1d.")
    return seconds


def moment(text: str, now_ms: int) -> int:
    """Milliseconds since the epoch of an ISO-8601 time (UTC without a zone), ``now``, or a time ago such as ``-2h``.

    >>> moment("2020-01-01T22:00:00Z", 0), moment("-1m", 100_000)
    (1577916000000, 40000)
    """
    text = text.strip()
    if text == "now":
        return now_ms
    found = _moment(text, now_ms)
    if found is None or abs(found) > MAX_MS:
        message = f"{text!r} is not a moment"
        raise UsageError(message, hint="Write 2020-01-01T22:00:00Z, milliseconds since 1970, or -2h for a time ago.")
    return found


def _moment(text: str, now_ms: int) -> int | None:
    if text.startswith("-") and len(text) > 1:
        return now_ms - round(duration(text[1:]) * 1000)
    if text.isascii() and text.isdigit() and 8 < len(text) < 20:
        return int(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


def speed(text: str) -> float | None:
    """How many times faster than time prices run; ``None`` for ``max``.

    >>> speed("60"), speed("2x"), speed("max")
    (60.0, 2.0, None)
    """
    if text.strip().lower() == "max":
        return None
    try:
        value = float(text.strip().lower().removesuffix("x"))
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        message = f"the speed {text!r} is neither a number above zero nor max"
        raise UsageError(message, hint="Write --speed 1 for real time, --speed 60, or --speed max.")
    return value
