"""Times in JSON: integer milliseconds since the epoch, or the same instant as text, which BigQuery understands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")


def iso_of(milliseconds: int) -> str:
    """An instant as text, UTC.

    >>> iso_of(1_700_000_000_123)
    '2023-11-14T22:13:20.123Z'
    """
    moment = _EPOCH + milliseconds * _MILLISECOND
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def milliseconds_of(value: Any) -> Any:
    """The integer milliseconds of such a text with an offset; anything else is given back as it is, to be judged.

    >>> milliseconds_of("2023-11-14T22:13:20.123Z"), milliseconds_of(5), milliseconds_of("noon")
    (1700000000123, 5, 'noon')
    """
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return value
    try:
        return (datetime.fromisoformat(value) - _EPOCH) // _MILLISECOND
    except ValueError:  # no day of the calendar
        return value
