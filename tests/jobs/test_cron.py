from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.errors import SettingsError, UsageError
from fsictl.jobs.cron import Cron, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3_600_000, 86_400_000


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def times(text: str, start: str, end: str, zone: ZoneInfo = BERLIN) -> list[str]:
    due = Cron(text, zone).times(ms(start), ms(end))
    return [datetime.fromtimestamp(one / 1000, UTC).strftime("%m-%dT%H:%M") for one in due]


def test_in_the_night_without_a_two_oclock_what_is_due_at_half_past_two_is_due_when_it_is_over() -> None:
    assert times("30 2 * * *", "2026-03-28T12:00Z", "2026-03-30T12:00Z") == ["03-29T01:30", "03-30T00:30"]


def test_in_the_night_with_two_two_oclocks_what_has_a_fixed_hour_is_due_once() -> None:
    assert times("30 2 * * *", "2026-10-24T12:00Z", "2026-10-26T12:00Z") == ["10-25T00:30", "10-26T01:30"]


@pytest.mark.parametrize("night", ["2026-03-29", "2026-10-25"])
def test_what_is_due_every_hour_is_due_every_hour_of_both_nights(night: str) -> None:
    start = ms(f"{night}T00:00Z")
    due = list(Cron("0 * * * *", BERLIN).times(start - HOUR, start + 6 * HOUR))
    assert due == [start + hour * HOUR for hour in range(7)]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kathmandu"]),
    st.integers(ms("2024-01-01T00:00Z") // HOUR, ms("2028-01-01T00:00Z") // HOUR),
)
def test_a_daily_time_comes_once_on_every_day_of_the_wall(hour: int, minute: int, name: str, start: int) -> None:
    """Over any month, so also over those with a change of the clocks."""
    zone = ZoneInfo(name)
    due = list(Cron(f"{minute} {hour} * * *", zone).times(start * HOUR, start * HOUR + 40 * DAY))
    days = [datetime.fromtimestamp(one / 1000, zone).date() for one in due]
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert 39 <= len(days) <= 41


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["*/7 * * * *", "0 * * * *", "30 2 * * *", "0 0 1 * *"]), st.integers(0, 10**13))
def test_times_come_one_after_the_other(text: str, start: int) -> None:
    cron = Cron(text, BERLIN)
    first = cron.next_after(start)
    assert first is not None
    second = cron.next_after(first)
    assert second is not None
    assert start < first < second
    assert cron.next_after(first - 1) == first


def test_sunday_is_0_and_7_and_monday_1() -> None:
    sunday = ["11-22T00:00", "11-29T00:00"]
    utc = ZoneInfo("UTC")
    for text in ("0 0 * * 0", "0 0 * * 7", "0 0 * * sun"):
        assert times(text, "2026-11-20T00:00Z", "2026-11-30T12:00Z", utc) == sunday
    assert times("0 0 * * 1-5", "2026-11-20T12:00Z", "2026-11-28T00:00Z", utc) == [
        f"11-{day}T00:00" for day in (23, 24, 25, 26, 27)
    ]
    assert times("0 0 * * 5-1/2", "2026-11-20T12:00Z", "2026-11-28T00:00Z", utc) == ["11-22T00:00", "11-27T00:00"]


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "60 * * * *", "0 24 * * *", "x * * * *", "0 0 30 2 *", "0 0 * * 8", "a-b * * * *"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Cron(text, BERLIN).check()


@pytest.mark.parametrize("name", ["", "Nowhere", "../etc/passwd", "/etc/localtime", "\0"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        zone_of(name)
