"""Runs of a day: the same again changes nothing, other days stay, and what goes wrong is said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.sql.conftest import DAY, MIDNIGHT, RUN_DATE, Place, metrics, transactions, verdicts

from fsictl.errors import PreconditionError
from fsictl.sql.results import marts, read_mart
from fsictl.sql.runner import check_sql, make_docs, run_sql

BEFORE = date(2026, 1, 30)


def _fill(place: Place) -> None:
    place.warehouse.write("metrics", metrics([1.1, 1.2] * 200, MIDNIGHT))
    place.warehouse.write(
        "reconerr", verdicts([(MIDNIGHT + 999, True, "oversold"), (MIDNIGHT + 1999, False, "oversold")])
    )
    rows = [("a", MIDNIGHT - DAY, 10.0), ("a", MIDNIGHT, 5.0), ("b", MIDNIGHT + DAY, 7.0)]
    place.warehouse.write("transactions", transactions(rows))


def _marts(place: Place, day: date | None = None) -> dict[str, list[dict[str, Any]]]:
    return {
        mart["model"]: read_mart(place.project, mart["model"], run_date=day).to_pylist()
        for mart in marts(place.project)
    }


def test_a_run_again_changes_nothing_and_no_other_day(place: Place) -> None:
    _fill(place)
    first = run_sql(place.project, run_date=RUN_DATE)
    assert {one.model: one.rows for one in first.models if one.rows} == {
        "reliability_hourly": 2,
        "reliability_daily": 2,
        "rfm_customers": 1,
        "rfm_segments": 1,
    }
    run_sql(place.project, run_date=BEFORE)
    there = _marts(place)
    assert {row["run_date"] for row in there["rfm_customers"]} == {str(BEFORE), str(RUN_DATE)}
    run_sql(place.project, run_date=RUN_DATE)
    assert _marts(place) == there
    place.warehouse.write("transactions", transactions([("a", MIDNIGHT - DAY, 90.0)], first=9))
    run_sql(place.project, run_date=RUN_DATE, select=["+rfm_segments"])
    money = {row["run_date"]: row["monetary"] for row in _marts(place)["rfm_customers"]}
    assert money == {str(BEFORE): 10.0, str(RUN_DATE): 105.0}, "what came late counts on the days that are run again"


def test_a_rule_that_does_not_hold_is_found(place: Place) -> None:
    import duckdb

    _fill(place)
    run_sql(place.project, run_date=RUN_DATE, select=["+rfm_segments"])
    assert place.project.database is not None
    with duckdb.connect(str(place.project.database)) as database:
        database.sql("update rfm_customers set r_score = 7")
    found = {test.test: test.status for test in check_sql(place.project, run_date=RUN_DATE, select=["rfm_customers"])}
    assert [name for name, status in found.items() if status != "pass"] == ["between_rfm_customers_r_score__1__5"]


def test_a_selection_of_nothing_is_refused(place: Place) -> None:
    with pytest.raises(PreconditionError, match="no_such_model"):
        run_sql(place.project, run_date=RUN_DATE, select=["no_such_model"])


def test_the_page_needs_no_rows_and_no_network(place: Place) -> None:
    page = make_docs(place.project, run_date=RUN_DATE).read_text(encoding="utf-8")
    assert "rfm_customers" in page
    assert "recency" in page.lower()
