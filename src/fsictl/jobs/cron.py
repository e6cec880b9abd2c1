"""When something is due: the five fields of cron in a time zone, by APScheduler's arithmetic.

Where the clock is put forward, what would fall into the hour that does not exist is due at its end. Where it is put
back, what has a fixed hour is due once, at the first of the two; what is due in every hour goes on every hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fsictl.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")  # of cron; APScheduler counts from Monday
_MOST_SKIPPED = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; ``SettingsError`` when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        message = f"there is no time zone {name[:80]!r}"
        raise SettingsError(message, hint="Use a name of the tz database, such as UTC or Europe/Berlin.") from error


@dataclass(frozen=True)
class Cron:
    """Minute, hour, day of the month, month, day of the week (0 and 7 are Sunday) in a time zone.

    >>> daily = Cron("30 1 * * *", ZoneInfo("UTC"))
    >>> daily.next_after(0)
    5400000
    """

    text: str
    zone: ZoneInfo

    @cached_property
    def _trigger(self) -> CronTrigger:
        from apscheduler.triggers.cron import CronTrigger

        return CronTrigger.from_crontab(_with_named_days(self.text), timezone=self.zone)

    @property
    def _has_fixed_hours(self) -> bool:
        return not self.text.split()[1].startswith("*")

    def check(self) -> None:
        """Raise ``UsageError`` unless this is a time that comes."""
        try:
            fields = len(self.text.split())
            if fields == 5 and self.next_after(0) is not None:
                return
        except (ValueError, OverflowError):
            pass
        message = f"{self.text[:80]!r} is not a time in cron's form"
        hint = "Give minute, hour, day, month and weekday: '0 * * * *' is every hour, '30 1 * * *' 01:30 every day."
        raise UsageError(message, hint=hint)

    def next_after(self, ms: int) -> int | None:
        """The first time (ms) after that one at which it is due; ``None`` when it never is again."""
        at = _EPOCH + timedelta(milliseconds=ms)
        for _ in range(_MOST_SKIPPED):
            found: datetime | None = self._trigger.get_next_fire_time(None, at + timedelta(milliseconds=1))
            if found is None:
                return None
            at = _EPOCH + (found - _EPOCH)
            if not (self._has_fixed_hours and self._is_second(at)):
                return (at - _EPOCH) // timedelta(milliseconds=1)
        return None

    def times(self, after: int, until: int) -> Iterator[int]:
        """Every time (ms) at which it is due with ``after < time <= until``."""
        due = self.next_after(after)
        while due is not None and due <= until:
            yield due
            due = self.next_after(due)

    def _is_second(self, at: datetime) -> bool:
        """Whether the clock on the wall has shown the same before, an hour ago."""
        local = at.astimezone(self.zone)
        return local.fold == 1 and local.replace(fold=0).utcoffset() != local.utcoffset()


def _with_named_days(text: str) -> str:
    """The same with days of the week by name, where numbers mean something else to APScheduler.

    >>> _with_named_days("0 5 * * 1-5"), _with_named_days("0 5 * * 0,6"), _with_named_days("0 5 1 * *")
    ('0 5 * * mon,tue,wed,thu,fri', '0 5 * * sun,sat', '0 5 1 * *')
    """
    *fields, days = text.split()
    named = ",".join(_named(part) for part in days.split(","))
    return " ".join([*fields, named])


def _named(part: str) -> str:
    """A day or a range of days; a range over the end of the week is all its days."""
    span, slash, step = part.partition("/")
    if re.fullmatch(r"[0-7]-[0-7]", span):
        first, last = int(span[0]), int(span[2])
        days = range(first, last + 1 if last >= first else last + 8)
        return ",".join(_DAYS[day % 7] for day in days[:: int(step) if slash else 1])
    return _DAYS[int(span)] + slash + step if re.fullmatch(r"[0-7]", span) else part
