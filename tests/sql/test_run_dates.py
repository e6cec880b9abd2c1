"""Which days a run may be about."""

from __future__ import annotations

from datetime import date

import pytest

from fsictl.errors import PreconditionError, UsageError
from fsictl.sql.run_dates import bounds_ms, run_date_of, yesterday

NOW = 1_769_900_000_000  # 2026-01-31T22:53:20Z


@pytest.mark.parametrize("text", ["", "today", "2026-1-31", "20260131", "2026-02-30", "2026-01-31T00:00", "٢٠٢٦-01-31"])
def test_what_is_no_date_is_a_mistake_of_use(text: str) -> None:
    with pytest.raises(UsageError):
        run_date_of(text, NOW)


@pytest.mark.parametrize("text", ["2026-02-01", "9999-12-31", "1969-12-31"])
def test_a_day_that_cannot_have_rows_is_refused(text: str) -> None:
    with pytest.raises(PreconditionError):
        run_date_of(text, NOW)


def test_today_and_yesterday_are_those_of_utc() -> None:
    assert run_date_of("2026-01-31", NOW) == date(2026, 1, 31)
    assert yesterday(NOW) == date(2026, 1, 30)
    assert bounds_ms(date(2026, 1, 31)) == (1_769_817_600_000, 1_769_904_000_000)
