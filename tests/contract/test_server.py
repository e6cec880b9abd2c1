"""The contract server itself: mistakes that it must see, and what it must let through."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.discovery import documents
from tests.contract.server import ContractServer, Refusal, Request, contract_server

pytestmark = pytest.mark.skipif(
    documents() is None, reason="no discovery documents: python scripts/environments.py contracts"
)

JOBS = "/v1b3/projects/p-1/locations/europe-west1/jobs"
CREATE, LIST = "dataflow.projects.locations.jobs.create", "dataflow.projects.locations.jobs.list"
JOB = {"id": "1", "name": "n", "currentState": "JOB_STATE_RUNNING"}


@pytest.fixture(name="server")
def server_here() -> Iterator[ContractServer]:
    names = ("dataflow.v1b3", "run.v2", "cloudresourcemanager.v3", "storage.v1", "compute.v1", "secretmanager.v1")
    with contract_server(*names) as server:
        yield server


def ask(server: ContractServer, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.address + path, data, {"content-type": "application/json"}, method=verb)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


@pytest.mark.parametrize(
    ("verb", "path", "body", "problem"),
    [
        ("POST", JOBS + "s", {}, "there is no POST"),
        ("PATCH", JOBS, {}, "there is no PATCH"),
        ("GET", JOBS + "?page_size=3", None, "no parameter page_size"),
        ("GET", JOBS + "?pageSize=three", None, "pageSize must be an integer"),
        ("GET", JOBS + "?pageSize=3&pageSize=4", None, "given 2 times"),
        ("GET", JOBS + "?filter=RUNNING", None, "filter must be one of"),
        ("GET", JOBS, {}, "takes no body"),
        ("POST", JOBS, None, "needs a body"),
        ("POST", JOBS, [], "the body must be an object"),
        ("POST", JOBS, {"nam": "n"}, "there is no field nam"),
        ("POST", JOBS, {"name": 3}, "name must be a string"),
        ("POST", JOBS, {"type": "JOB_TYPE_STREAM"}, "type must be one of"),
        ("POST", JOBS, {"type": 99}, "type must be one of"),
        ("POST", JOBS, {"createTime": "yesterday"}, "createTime must be a time"),
        ("POST", JOBS, {"labels": {"a": 1}}, "labels.a must be a string"),
        ("POST", JOBS, {"steps": [{"kin": "x"}]}, "there is no field steps[0].kin"),
        ("POST", JOBS, {"steps": {}}, "steps must be a list"),
        ("POST", JOBS, {"environment": {"workerPools": [{"numWorkers": "two"}]}}, "numWorkers must be an integer"),
        ("POST", JOBS, {"environment": {"workerPools": [{"numWorkers": 2**40}]}}, "numWorkers must be an integer"),
        ("POST", JOBS, {"requestedState": None}, "requestedState must be one of"),
        ("POST", "/v2/projects/p/locations/l/jobs/j:start", {}, "there is no POST"),
        ("POST", "/v2/projects/p/locations/l/jobs/j/x:run", {}, "there is no POST"),
        ("POST", "/v2/projects/p/locations/l/jobs/j:run", {"validateOnly": "yes"}, "must be true or false"),
        ("POST", "/v3/projects/p:testIamPermissions", {"permissions": "a.b.c"}, "permissions must be a list"),
        ("POST", "/upload/storage/v1/b/bucket/object?uploadType=media", {}, "there is no POST"),
        (
            "POST",
            "/v1/projects/p/secrets/s:addVersion",
            {"payload": {"data": "a secret"}},
            "must be bytes in base64",
        ),
    ],
)
def test_mistakes_are_refused(server: ContractServer, verb: str, path: str, body: Any, problem: str) -> None:
    for method in (CREATE, LIST):
        server.reply(method, JOB if method == CREATE else {})
    code, answer = ask(server, verb, path, body)
    assert code in {400, 404}
    assert problem in answer["error"]["message"]
    assert len(server.violations) == 1
    assert server.requests == []


def test_what_is_right_is_answered_and_remembered(server: ContractServer) -> None:
    server.reply(CREATE, JOB)
    body = {"name": "n", "type": 2, "environment": {"experiments": ["a"], "sdkPipelineOptions": {"any": [{}]}}}
    assert ask(server, "POST", JOBS + "?%24alt=json%3Benum-encoding%3Dint", body) == (200, JOB)
    (request,) = server.asked(CREATE)
    assert request.path == {"projectId": "p-1", "location": "europe-west1"}
    assert request.body["type"] == "JOB_TYPE_STREAMING"  # the third in the document, number 2 of protobuf
    assert server.violations == []


def test_the_most_literal_path_wins(server: ContractServer) -> None:
    server.reply("dataflow.projects.locations.jobs.get", JOB)
    server.reply("dataflow.projects.locations.jobs.messages.list", {})
    ask(server, "GET", JOBS + "/2026-1")
    ask(server, "GET", JOBS + "/2026-1/messages")
    assert [one.method.rsplit("jobs.")[1] for one in server.requests] == ["get", "messages.list"]
    server.reply("run.projects.locations.jobs.run", lambda request: {"name": request.path["name"]})
    code, answer = ask(server, "POST", "/v2/projects/p/locations/l/jobs/j:run", {})
    assert (code, answer) == (200, {"name": "projects/p/locations/l/jobs/j"})


def test_answers_that_the_service_could_not_give_are_mistakes_too(server: ContractServer) -> None:
    server.reply(CREATE, {**JOB, "currentState": "RUNNING"})
    code, answer = ask(server, "POST", JOBS, {})
    assert code == 500
    assert "the answer to" in answer["error"]["message"]
    assert ask(server, "GET", JOBS)[0] == 501  # nobody said what to answer
    assert len(server.violations) == 2
    with pytest.raises(AssertionError, match="no method"):
        server.reply("dataflow.projects.jobs.stop", {})


def test_refusals_have_googles_form(server: ContractServer) -> None:
    server.reply(LIST, Refusal(403, "no", "SERVICE_DISABLED", {"service": "dataflow.googleapis.com"}))
    code, answer = ask(server, "GET", JOBS)
    assert code == 403
    assert answer["error"]["status"] == "PERMISSION_DENIED"
    assert answer["error"]["details"][0]["reason"] == "SERVICE_DISABLED"
    assert server.violations == []


def test_uploads_are_kept(server: ContractServer) -> None:
    def stored(request: Request) -> dict[str, Any]:
        return {"name": request.query["name"][0], "size": str(len(request.media or b""))}

    server.reply("storage.objects.insert", stored)
    address = server.address + "/upload/storage/v1/b/bucket/o?uploadType=media&name=a%2Fb"
    request = urllib.request.Request(address, b"bytes", {"content-type": "text/plain"}, method="POST")  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert json.loads(answer.read()) == {"name": "a/b", "size": "5"}
    assert server.violations == []
