"""Run dates: the days, in UTC, that a run of the SQL is about."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from fsictl.errors import PreconditionError, UsageError

_DAY_MS = 86_400_000
_FORM = re.compile(r"\d{4}-\d{2}-\d{2}")


def run_date_of(text: str, now_ms: int) -> date:
    """The run date that ``text`` names; today's is allowed, though the day is not over.

    >>> run_date_of("2026-01-31", 1_800_000_000_000)
    datetime.date(2026, 1, 31)

    Raises ``UsageError`` for anything but a date as ``YYYY-MM-DD``, ``PreconditionError`` for a day that has not
    begun, or one before 1970.
    """
    found = day_of(text)
    check_run_date(found, now_ms)
    return found


def day_of(text: str) -> date:
    """The day that ``text`` names, whenever it is; ``UsageError`` for anything but a date as ``YYYY-MM-DD``."""
    try:
        if _FORM.fullmatch(text) is None:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text[:80]!r} is not a date"
        raise UsageError(message, hint="Write the run date as YYYY-MM-DD, for example 2026-01-31.") from None


def check_run_date(run_date: date, now_ms: int) -> None:
    """Raise ``PreconditionError`` for a day of which there cannot be rows yet, in UTC, or one before 1970."""
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    if run_date > today:
        message = f"the run date {run_date} has not come yet: today is {today} (UTC)"
        raise PreconditionError(message, hint="Give a day up to today.")
    if run_date.year < 1970:
        message = f"the run date {run_date} is before 1970, from where on time is counted"
        raise PreconditionError(message, hint="Give a later day.")


def run_date_at(ms: int) -> date:
    """The day in which that moment (ms) is, in UTC.

    >>> run_date_at(86_400_000)
    datetime.date(1970, 1, 2)
    """
    return datetime.fromtimestamp(ms / 1000, UTC).date()


def yesterday(now_ms: int) -> date:
    """The last day that is over, in UTC.

    >>> yesterday(86_400_000)
    datetime.date(1970, 1, 1)
    """
    return run_date_at(now_ms) - timedelta(days=1)


def bounds_ms(run_date: date) -> tuple[int, int]:
    """The first millisecond of the day in UTC, and the first of the next.

    >>> bounds_ms(date(1970, 1, 2))
    (86400000, 172800000)
    """
    start = (run_date - date(1970, 1, 1)).days * _DAY_MS
    return start, start + _DAY_MS
