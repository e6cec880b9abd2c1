"""What workloads do and what the check sees of it: in tables, not in what they say."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
from tests.jobs.conftest import SUCCESS
from tests.memory import MemoryArtifacts, MemoryWarehouse
from tests.model.conftest import OPTIONS, RULES
from tests.model.market import START_S, metrics_table

from fsictl.clock import ManualClock
from fsictl.errors import InputError, NotEnoughDataError, PreconditionError
from fsictl.jobs import workloads
from fsictl.jobs.catalogue import moment_text
from fsictl.jobs.checks import Verdict, check_job
from fsictl.jobs.request import JobRequest, request_of
from fsictl.jobs.states import Job, JobEvent, State
from fsictl.jobs.workloads import Made
from fsictl.model.versions import load_card

DAY = datetime.fromtimestamp(START_S, UTC).date()
UNTIL = moment_text(1000 * (START_S + 4000))


def succeeded(request: JobRequest, result: str = "{}") -> Job:
    return Job(request, 0, None, JobEvent(request, State.SUCCEEDED, 9, 9, 1, 1, "done", result))


def no_marts(mart: str, request: JobRequest) -> int:
    raise AssertionError(mart)


@dataclasses.dataclass
class Trained:
    """What a training job left behind, and what it said."""

    warehouse: MemoryWarehouse
    artifacts: MemoryArtifacts
    request: JobRequest
    made: Made
    said: list[str]

    def check(self, job: Job) -> Verdict:
        return check_job(job, warehouse=self.warehouse, artifacts=self.artifacts, count_rows=no_marts)


def train(warehouse: MemoryWarehouse, artifacts: MemoryArtifacts, request: JobRequest, said: list[str]) -> Made:
    return workloads.train(
        request,
        said.append,
        warehouse=warehouse,
        artifacts=artifacts,
        clock=ManualClock(1_700_000_000_000),
        hours=24.0,
        rules=RULES,
        options=OPTIONS,
        labelled=lambda _: lambda start, end: None,
    )


@pytest.fixture(scope="module")
def trained() -> Trained:
    warehouse, artifacts, said = MemoryWarehouse(metrics=metrics_table(rows=4000)), MemoryArtifacts(), []
    request = request_of("train", DAY.isoformat(), {"until": UNTIL})
    return Trained(warehouse, artifacts, request, train(warehouse, artifacts, request, said), said)


def test_a_training_leaves_a_run_and_a_version_with_the_name_of_its_job(trained: Trained) -> None:
    (run,) = trained.warehouse.tables["training_runs"].to_pylist()
    assert run["run_id"] == trained.request.job_id
    assert run["until"] == 1000 * (START_S + 4000)
    card = load_card(trained.artifacts, "champion")
    assert card.version == run["model_version"] == trained.made.result["model_version"]
    assert card.requested_by == f"job {trained.request.job_id}"
    assert trained.said[0].startswith("training: step ")


def test_the_check_of_a_training_wants_a_version_that_passed_its_gate(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = succeeded(trained.request)
    passed = bool(load_card(trained.artifacts, "champion").gate.get("passed"))
    assert trained.check(job).passed is passed is trained.made.result["gate_passed"]
    for gate in ({"passed": True}, {"passed": False, "reason": "too many flags"}, {}):
        card = dataclasses.replace(load_card(trained.artifacts, "champion"), gate=gate)
        monkeypatch.setattr("fsictl.jobs.checks.load_card", lambda *_, card=card: card)
        assert trained.check(job).passed is bool(gate.get("passed"))


def test_the_check_of_a_training_does_not_take_another_run_for_it(trained: Trained) -> None:
    verdict = trained.check(succeeded(request_of("train", DAY.isoformat())))
    assert verdict == Verdict(False, "no training run of that job made a version")


def test_a_training_without_rows_says_why(trained: Trained) -> None:
    with pytest.raises(NotEnoughDataError):
        train(MemoryWarehouse(), MemoryArtifacts(), trained.request, [])


def test_a_day_is_scored_once_and_again_with_the_same_rows(trained: Trained) -> None:
    request, said = request_of("score", DAY.isoformat()), []

    def score() -> Made:
        return workloads.score(
            request, said.append, warehouse=trained.warehouse, artifacts=trained.artifacts, rules=RULES
        )

    first = score()
    rows = trained.warehouse.tables["reconerr"].num_rows
    assert first == score()
    assert trained.warehouse.tables["reconerr"].num_rows == rows
    assert first.result["verdicts"] == rows > 0
    version = first.result["model_version"]
    job = succeeded(request, f'{{"model_version": "{version}"}}')
    assert trained.check(job).passed
    assert not trained.check(succeeded(request, '{"model_version": "another"}')).passed
    assert not trained.check(succeeded(request_of("score", "2020-01-01"), job.latest.result)).passed  # type: ignore[union-attr, arg-type]


def test_a_day_without_metrics_or_a_model_cannot_be_scored(trained: Trained) -> None:
    for day, artifacts, error in (
        ("2020-01-01", trained.artifacts, NotEnoughDataError),
        (DAY.isoformat(), MemoryArtifacts(), InputError),
    ):
        request = request_of("score", day)
        with pytest.raises(error):
            workloads.score(request, print, warehouse=trained.warehouse, artifacts=artifacts, rules=RULES)


@pytest.mark.parametrize(
    ("workload", "rows", "passed"),
    [
        ("rfm", {"rfm_customers": 5, "rfm_segments": 2}, True),
        ("rfm", {"rfm_customers": 5, "rfm_segments": 0}, False),
        ("rfm", {"rfm_customers": 0, "rfm_segments": 0}, False),
        ("sql", {"prices_hourly": 0, "reliability_daily": 1, "rfm_customers": 0}, True),
        ("sql", {"prices_hourly": 0, "reliability_daily": 0, "rfm_customers": 0}, False),
    ],
)
def test_the_check_of_marts_wants_rows_of_the_day(workload: str, rows: dict[str, int], passed: bool) -> None:
    job = succeeded(request_of(workload, "2026-01-31"))
    verdict = check_job(
        job, warehouse=MemoryWarehouse(), artifacts=MemoryArtifacts(), count_rows=lambda mart, _: rows[mart]
    )
    assert verdict.passed is passed
    assert "2026-01-31" in verdict.detail


def test_what_has_not_succeeded_was_not_done_whatever_is_stored() -> None:
    request = request_of("rfm", "2026-01-31")
    for state in set(State) - {State.SUCCEEDED}:
        event = JobEvent(request, state, 1, 1, 1, 1, "why")
        verdict = check_job(
            Job(request, latest=event), warehouse=MemoryWarehouse(), artifacts=MemoryArtifacts(), count_rows=no_marts
        )
        assert verdict == Verdict(False, f"the job is {state}: why")


def test_what_cannot_be_looked_at_does_not_pass() -> None:
    def fail(*_: object) -> int:
        message = "there is no mart"
        raise PreconditionError(message, hint="Make it.")

    job = succeeded(request_of("rfm", "2026-01-31"), SUCCESS.result or "")
    verdict = check_job(job, warehouse=MemoryWarehouse(), artifacts=MemoryArtifacts(), count_rows=fail)
    assert verdict == Verdict(False, "what it made cannot be looked at: there is no mart")
