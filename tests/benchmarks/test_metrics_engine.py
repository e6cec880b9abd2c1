"""The benchmark of the metrics engine: that it counts right rows only. It says nothing about speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.metrics_engine.check import check_plain, compare
from benchmarks.metrics_engine.plain import bars_of_workload, rows_of
from benchmarks.metrics_engine.workload import Workload, make_workload

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workload() -> Workload:
    return make_workload("small", symbols=8, hz=10, seconds=5, rounds=2)


def test_the_workload_is_as_promised(workload: Workload) -> None:
    large = make_workload("large", symbols=1_000, hz=10, seconds=60, rounds=1)
    assert large.tick_count(0) == pytest.approx(600_000, rel=0.01)
    assert large.late_count(0) == pytest.approx(600, rel=0.3)
    assert len(large.seconds(0)) == 60
    again = make_workload("small", symbols=8, hz=10, seconds=5, rounds=2)
    assert (again.ticks.value == workload.ticks.value).all()
    assert (again.ticks.timestamp == workload.ticks.timestamp).all()
    assert (np.diff(workload.ticks.timestamp) < 0).any()


def test_the_plain_recomputation_is_what_the_reference_says(workload: Workload) -> None:
    bars = bars_of_workload(workload)
    for number in range(workload.rounds):
        seconds = workload.seconds(number)
        assert check_plain(workload, rows_of(bars, seconds), seconds, 4).right


@pytest.mark.parametrize("column", ["LAST", "DATA_POINT_COUNT", "STANDARD_DEVIATION", "RELATIVE_STRENGTH_INDICATOR"])
def test_a_wrong_row_is_found(workload: Workload, column: str) -> None:
    rows = rows_of(bars_of_workload(workload), workload.seconds(0))
    wrong = {name: values.copy() for name, values in rows.items()}
    assert compare(wrong, rows, rows["LAST"]).right
    wrong[column][3, 2] += 1 if column == "DATA_POINT_COUNT" else 1e-5
    verdict = compare(wrong, rows, rows["LAST"])
    assert (verdict.right, verdict.column) == (False, column)


def test_the_short_form_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.metrics_engine", "--quick", "--json", "--peers"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert len(document["workloads"]) == 3
    for one in document["workloads"]:
        for participant in one["participants"]:
            assert participant["error_by_tolerance"] <= 1
            assert participant["us_per_row"] > 0
    assert [target["target"] for target in document["targets"]] == [10]
