"""The benchmark of the metrics engine: that it counts right rows only. It says nothing about speed."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from benchmarks.metrics_engine.check import check_plain, compare
from benchmarks.metrics_engine.peers.closes import OfCloses, Row
from benchmarks.metrics_engine.peers.elsewhere import serve
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


def test_a_peer_in_another_process_is_asked_for_the_same(workload: Workload) -> None:
    def packed(array: np.ndarray) -> bytes:
        file = io.BytesIO()
        np.save(file, array)
        return file.getvalue()

    def open_(closes: np.ndarray) -> Callable[[float], Row]:
        history = closes.tolist()

        def step(close: float) -> Row:
            history.append(close)
            mean = sum(history) / len(history)
            return mean, close, 0.0, 50.0, (mean, mean, mean)

        return step

    closes = np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 7.0]])
    asked = [
        b"tell",
        b"warm_up",
        packed(closes[:, :1]),
        b"prepare",
        packed(closes[:, 1:].T),
        b"clock",
        b"run",
        b"clock",
    ]
    asked += [b"result"]
    answers: list[bytes] = []

    def receive() -> bytes:
        if not asked:
            raise EOFError
        return asked.pop(0)

    serve(OfCloses("means", open_, note="a note"), receive, answers.append)
    assert json.loads(answers[0])["name"] == "means"
    assert float(answers[5]) >= float(answers[3]) >= 0
    rows = np.load(io.BytesIO(answers[6]))
    assert rows[:, 0].tolist() == [1.5, 4.0, 2.0, 5.0]  # second by second, symbol by symbol
    assert rows[:, 1].tolist() == [2.0, 4.0, 3.0, 7.0]
    assert gc.isenabled()


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
