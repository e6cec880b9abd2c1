"""The reliability marts against what can be counted by hand, and against plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sql.conftest import DAY, MIDNIGHT, RUN_DATE

Verdict = tuple[int, bool | None, str]
HORIZONS = (60, 300)


def _sql(compiled: dict[str, str], mart: str, closes: dict[int, float], rows: list[Verdict]) -> list[dict[str, Any]]:
    import duckdb

    with duckdb.connect() as database:
        database.sql("attach ':memory:' as marts")
        database.sql("create table marts.main.stg_metrics (symbol text, timestamp_ms bigint, close_price double)")
        database.sql(
            "create table marts.main.stg_reconerr (symbol text, timestamp_ms bigint, model_version text, "
            "unreliable boolean, side text, moment timestamp)"
        )
        for time, close in closes.items():
            database.execute("insert into marts.main.stg_metrics values ('EURUSD', ?, ?)", [time, close])
        for time, unreliable, side in rows:
            database.execute(
                "insert into marts.main.stg_reconerr values ('EURUSD', ?, 'v1', ?, ?, epoch_ms(?))",
                [time, unreliable, side, time],
            )
        found = database.sql(compiled[mart])
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def _expected(closes: dict[int, float], rows: list[Verdict]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for horizon in HORIZONS:
        counts: dict[str, int] = defaultdict(int)
        returns: dict[str, list[float]] = defaultdict(list)
        for time, unreliable, side in rows:
            if unreliable is None or time not in closes or not MIDNIGHT <= time < MIDNIGHT + DAY:
                continue
            kind = "flagged" if unreliable else "reliable"
            counts[f"{kind}_signals"] += 1
            later = closes.get(time + horizon * 1000)
            if later is None:
                continue
            gain = round(1e4 * math.log(later / closes[time]) * (-1 if side == "overbought" else 1), 9)
            counts[f"{kind}_known"] += 1
            counts[f"{kind}_moved"] += gain != 0
            counts[f"{kind}_right"] += gain > 0
            returns[kind].append(gain)
        if not counts:
            continue
        row: dict[str, Any] = {}
        for kind in ("flagged", "reliable"):
            row |= {f"{kind}_{name}": counts[f"{kind}_{name}"] for name in ("signals", "known", "moved", "right")}
            moved, gains = counts[f"{kind}_moved"], returns[kind]
            row[f"{kind}_hit_rate"] = counts[f"{kind}_right"] / moved if moved else None
            row[f"{kind}_return_bp"] = math.fsum(gains) / len(gains) if gains else None
        found[horizon] = row
    return found


TIMES = st.integers(-2, 14).map(lambda number: MIDNIGHT + number * 30_000 + 999)
LATE = st.integers(0, 3).map(lambda number: MIDNIGHT + DAY - 60_000 + number * 30_000 + 999)
ALL = TIMES | LATE
CLOSES = st.dictionaries(ALL, st.sampled_from([1.1, 1.1, 1.2, 1.05, 0.9]), max_size=20)
VERDICTS = st.dictionaries(
    ALL, st.tuples(st.sampled_from([True, False, None]), st.sampled_from(["overbought", "oversold"])), max_size=20
).map(lambda found: [(time, *rest) for time, rest in found.items()])


@settings(max_examples=60, deadline=None)
@given(closes=CLOSES, rows=VERDICTS)
def test_the_day_is_what_plain_python_counts(
    compiled: dict[str, str], closes: dict[int, float], rows: list[Verdict]
) -> None:
    found = {row["horizon"]: row for row in _sql(compiled, "reliability_daily", closes, rows)}
    expected = _expected(closes, rows)
    assert set(found) == set(expected)
    for horizon, row in expected.items():
        assert found[horizon]["run_date"] == RUN_DATE
        for name, value in row.items():
            assert found[horizon][name] == (value if value is None else pytest.approx(value, abs=1e-8)), name


def test_hours_are_apart_and_a_signal_near_midnight_looks_into_the_next_day(compiled: dict[str, str]) -> None:
    first, last = MIDNIGHT + 999, MIDNIGHT + DAY - 1
    closes = {first: 1.0, first + 60_000: 0.9, last: 1.0, last + 60_000: 0.9, last + 300_000: 1.1}
    rows: list[Verdict] = [(first, False, "overbought"), (last, True, "oversold")]
    found = {(row["hour"], row["horizon"]): row for row in _sql(compiled, "reliability_hourly", closes, rows)}
    assert set(found) == {(0, 60), (0, 300), (23, 60), (23, 300)}
    assert (found[0, 60]["reliable_right"], found[0, 60]["reliable_hit_rate"]) == (1, 1.0)
    assert (found[0, 300]["reliable_known"], found[0, 300]["reliable_hit_rate"]) == (0, None)
    assert (found[23, 60]["flagged_right"], found[23, 300]["flagged_right"]) == (0, 1)
    assert found[23, 60]["flagged_return_bp"] == pytest.approx(1e4 * math.log(0.9))
