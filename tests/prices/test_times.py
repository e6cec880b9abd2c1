"""Times a column at a time against times one by one."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fsictl.errors import InputError
from fsictl.prices.times import parse_time, parse_times, to_utc, zone_of

moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - local times are what is tested
layouts = st.sampled_from(
    [
        "%Y%m%d %H%M%S000",
        "%Y%m%d %H%M%S",
        "%Y%m%d %H:%M:%S.123",
        "%Y-%m-%dT%H:%M:%S.%f",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S.%f+05:30",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(moments, min_size=1, max_size=5), layouts)
def test_columns_are_read_like_single_times(column: list[datetime], layout: str) -> None:
    texts = [moment.strftime(layout) for moment in column]
    result = parse_times(pa.array(texts))
    assert result is not None
    assert list(zip(result[0].tolist(), [result[1]] * len(texts), strict=True)) == [parse_time(text) for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.text("0123456789 -:.TZ+", min_size=1, max_size=24))
@example("20200230 000000000")
@example("20200101 240000000")
@example("00000101 000000000")
@example("99999999 999999999")
@example("2020-01-01T00:00:00.0000001")
@example("2020-W01-1")
@example("1" * 19)
def test_columns_read_nothing_else(text: str) -> None:
    result = parse_times(pa.array([text]))
    if result is not None:
        assert (int(result[0][0]), result[1]) == parse_time(text)


def test_mixed_columns_are_left() -> None:
    assert parse_times(pa.array(["1", "2020-01-01"])) is None
    assert parse_times(pa.array(["20200101 000000000", "20200101 000000"])) is None


@pytest.mark.parametrize(
    "zone", [ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), timezone(timedelta(hours=-5))]
)
@settings(max_examples=60, deadline=None)
@given(column=st.lists(moments.filter(lambda moment: moment.year >= 1970), max_size=5))
def test_local_times_in_utc(zone: tzinfo, column: list[datetime]) -> None:
    local = np.array([parse_time(moment.isoformat())[0] for moment in column], np.int64)
    expected = [parse_time(moment.replace(tzinfo=zone, fold=0).isoformat())[0] for moment in column]
    assert to_utc(local, zone).tolist() == expected


@pytest.mark.parametrize("name", ["", "UTC+24", "UTC-5:70", "Nowhere", "../etc/passwd", "a\0b", "EST EDT"])
def test_unknown_zones(name: str) -> None:
    with pytest.raises(InputError, match="time zone"):
        zone_of(name)
