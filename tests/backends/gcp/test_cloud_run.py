"""Cloud Run jobs against the contract of their API: begun once, waited for, and their failure told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("google.auth")

from tests.contract.dataflow import PROJECT, needs_documents
from tests.contract.server import ContractServer, Refusal, contract_server

from fsictl.backends.gcp.cloud_run import run_job
from fsictl.backends.gcp.control import Access
from fsictl.clock import ManualClock
from fsictl.errors import CheckFailedError, PreconditionError, ServiceError

pytestmark = needs_documents

RUN, LOOK = "run.projects.locations.jobs.run", "run.projects.locations.operations.get"
OPERATION = f"projects/{PROJECT}/locations/europe-west1/operations/op-1"
EXECUTION = f"projects/{PROJECT}/locations/europe-west1/jobs/fsictl-train/executions/fsictl-train-x1"
BEGUN: dict[str, Any] = {"name": OPERATION, "metadata": {"name": EXECUTION}}


@pytest.fixture(name="server")
def server_here() -> Iterator[ContractServer]:
    with contract_server("run.v2") as server:
        yield server
        assert server.violations == []


def run(server: ContractServer, clock: ManualClock, said: list[str]) -> str:
    access = Access(PROJECT, clock, server.address)
    return run_job(access, "europe-west1", "fsictl-train", ["train", "--now"], within=600, say=said.append)


def test_a_job_is_begun_once_and_waited_for(server: ContractServer) -> None:
    looks = [BEGUN, BEGUN, {**BEGUN, "done": True, "response": {}}]
    server.reply(RUN, BEGUN)
    server.reply(LOOK, lambda _: looks.pop(0))
    clock, said = ManualClock(), list[str]()
    assert run(server, clock, said) == "fsictl-train-x1"
    (request,) = server.asked(RUN)
    assert request.path["name"] == f"projects/{PROJECT}/locations/europe-west1/jobs/fsictl-train"
    assert request.body == {"overrides": {"containerOverrides": [{"name": "fsictl", "args": ["train", "--now"]}]}}
    assert clock.monotonic() == 30.0
    assert said == ["fsictl-train: execution fsictl-train-x1 has begun"]


def test_what_failed_says_so(server: ContractServer) -> None:
    server.reply(RUN, {**BEGUN, "done": True, "error": {"code": 13, "message": "Task 0 exited with code 5."}})
    with pytest.raises(CheckFailedError, match=r"^the execution fsictl-train-x1 failed: Task 0 exited with code 5$"):
        run(server, ManualClock(), [])


def test_what_does_not_end_goes_on(server: ContractServer) -> None:
    server.reply(RUN, BEGUN)
    server.reply(LOOK, BEGUN)
    with pytest.raises(ServiceError, match="has not ended in 10 minutes and goes on"):
        run(server, ManualClock(), [])


def test_a_job_that_may_have_begun_is_not_begun_again(server: ContractServer) -> None:
    server.reply(RUN, Refusal(503, "gone"))
    with pytest.raises(ServiceError, match="could not run the job fsictl-train"):
        run(server, ManualClock(), [])
    assert len(server.asked(RUN)) == 1
    server.reply(RUN, Refusal(404, "Resource 'fsictl-train' of kind 'JOB' does not exist"))
    with pytest.raises(PreconditionError, match="there is nothing of that name"):
        run(server, ManualClock(), [])
