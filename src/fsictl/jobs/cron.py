"""When something is due: the five fields of cron in a time zone.

APScheduler finds the times that a clock on the wall shows, as if there were no time zone: with one it leaves out the
midnight after a change of the clocks (3.11). What they are in UTC is found here.

Where the clock is put forward, what has a fixed time in the hour that does not exist is due an hour later on the
clock: half past two at half past three. Where it is put back, what has a fixed hour is due once, at the first of the
two; what is due in every hour goes on every hour.
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
_NEAR = timedelta(hours=4)
"""No clock is changed by more, and none twice within it."""
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

        return CronTrigger.from_crontab(_with_named_days(self.text), timezone=UTC)

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
        shown = self._after(self._shown(at))
        if shown is None:
            return None
        found = self._instant(shown, 0)
        if not (self._is_steady(at) and self._is_steady(found)):
            found = self._near_a_change(at)
        return (found - _EPOCH) // timedelta(milliseconds=1)

    def _near_a_change(self, at: datetime) -> datetime:
        """The first time after ``at``, of those that the clock may show around it, some of them twice or never."""
        best: datetime | None = None
        shown = self._after(self._shown(at) - _NEAR)
        while shown is not None and (best is None or shown <= self._shown(best) + _NEAR):
            later = [one for one in self._instants(shown) if one > at]
            best = min([*later, best] if best else later, default=None)
            shown = self._after(shown)
        if best is None:
            raise OverflowError  # the calendar ends
        return best

    def _instants(self, shown: datetime) -> list[datetime]:
        """When the clock shows that: once, twice, or never."""
        first, second = self._instant(shown, 0), self._instant(shown, 1)
        if first == second or self._has_fixed_hours:
            return [first]
        return [first, second] if self._shown(first) == shown else []

    def _after(self, shown: datetime) -> datetime | None:
        """The next time of the clock on the wall, without a zone."""
        start = shown.replace(tzinfo=UTC) + timedelta(milliseconds=1)
        found: datetime | None = self._trigger.get_next_fire_time(None, start)
        return None if found is None else found.replace(tzinfo=None)

    def _shown(self, at: datetime) -> datetime:
        return at.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def _instant(self, shown: datetime, fold: int) -> datetime:
        return shown.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)

    def _is_steady(self, at: datetime) -> bool:
        """Whether nobody changes the clock soon before or after."""
        near = (at - _NEAR, at, at + _NEAR)
        return len({one.astimezone(self.zone).utcoffset() for one in near}) == 1

    def times(self, after: int, until: int) -> Iterator[int]:
        """Every time (ms) at which it is due with ``after < time <= until``."""
        due = self.next_after(after)
        while due is not None and due <= until:
            yield due
            due = self.next_after(due)


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
