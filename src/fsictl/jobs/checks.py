"""The orchestrator's own look at what a job was to make: in the tables, not in what the workload said of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fsictl.errors import FsictlError
from fsictl.jobs.request import JobRequest
from fsictl.jobs.states import Job, State
from fsictl.model.versions import load_card
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import RECONERR, TRAINING_RUNS
from fsictl.sql.run_dates import bounds_ms

CountRows = Callable[[str, JobRequest], int]
"""How many rows a mart has of a request's run date."""

MARTS: Mapping[str, tuple[str, ...]] = {
    "sql": ("prices_hourly", "reliability_daily", "rfm_customers"),
    "rfm": ("rfm_customers", "rfm_segments"),
}
"""Marts by workload: of ``sql`` one at least must have rows of the day, of ``rfm`` all."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a job was done properly, and why, in a sentence."""

    passed: bool
    detail: str


def check_job(job: Job, *, warehouse: Warehouse, artifacts: Artifacts, count_rows: CountRows) -> Verdict:
    """Whether the job succeeded and what it was to make is there for its run date."""
    if job.state is not State.SUCCEEDED:
        return Verdict(False, f"the job is {job.state}{f': {job.detail}' if job.detail else ''}")
    try:
        match job.request.workload:
            case "train":
                return _check_training(job, warehouse, artifacts)
            case "score":
                return _check_scores(job, warehouse)
            case _:
                return _check_marts(job.request, count_rows)
    except FsictlError as error:
        return Verdict(False, f"what it made cannot be looked at: {error}")


def _check_training(job: Job, warehouse: Warehouse, artifacts: Artifacts) -> Verdict:
    """There is a run with the job's id that made a version, the version can be read, and its gate let it pass."""
    runs = [row for row in warehouse.read(TRAINING_RUNS.name).to_pylist() if row["run_id"] == job.job_id]
    if not runs or runs[0]["model_version"] is None:
        return Verdict(False, "no training run of that job made a version")
    card = load_card(artifacts, runs[0]["model_version"])
    if not card.gate.get("passed"):
        return Verdict(False, f"version {card.version} did not pass its gate: {card.gate.get('reason')}")
    return Verdict(True, f"version {card.version} passed its gate")


def _check_scores(job: Job, warehouse: Warehouse) -> Verdict:
    start, end = bounds_ms(job.request.run_date)
    symbol = job.request.params.get("symbol")
    symbols = None if symbol is None else [symbol]
    rows = warehouse.read(
        RECONERR.name, symbols=symbols, start=start, end=end, columns=["model_version", "reconstruction_error"]
    ).to_pylist()
    version = json.loads(job.latest.result or "{}").get("model_version") if job.latest is not None else None
    versions = set(str(version).split(", "))  # each symbol may have its own
    judged = sum(1 for row in rows if row["reconstruction_error"] is not None and row["model_version"] in versions)
    of = f"{job.request.run_date} by version {version}"
    return Verdict(judged > 0, f"{judged:,} scored rows of {of}" if judged else f"there is no scored row of {of}")


def _check_marts(request: JobRequest, count_rows: CountRows) -> Verdict:
    if "select" in request.params:
        return Verdict(True, "the models that were selected ran; their rows are not looked at")
    found = {mart: count_rows(mart, request) for mart in MARTS[request.workload]}
    told = ", ".join(f"{mart} {count:,}" for mart, count in found.items())
    enough = all(found.values()) if request.workload == "rfm" else any(found.values())
    return Verdict(enough, f"rows of {request.run_date}: {told}")
