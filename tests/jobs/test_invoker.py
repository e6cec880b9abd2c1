from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.dashboard.client import TestClient
from tests.jobs.conftest import NOON, RFM, SUCCESS, Place, steps

from fsictl.errors import InputError, StorageUnavailableError
from fsictl.jobs.checks import Verdict
from fsictl.jobs.history import known_jobs
from fsictl.jobs.identity import RefusedError
from fsictl.jobs.invoker import Invoker
from fsictl.jobs.request import request_of

NOWHERE = "rfm-20260131-000000000000"


class OneCaller:
    """A doorkeeper who knows one word."""

    def caller(self, authorization: str | None) -> str:
        if authorization is None:
            raise RefusedError(401, "a token is needed")
        if authorization != "Bearer good":
            raise RefusedError(403, "not you")
        return "somebody"


def make(place: Place, door: Any = None) -> Invoker:
    return Invoker(
        place.messenger,
        place.warehouse,
        place.clock,
        place.watch(),
        lambda job: Verdict(job.state == "succeeded", "it was looked at"),
        door=door,
    )


@pytest.fixture
def client(place: Place) -> Iterator[TestClient]:
    with TestClient(make(place).app(), base_url="http://localhost:8080") as client:
        yield client


def test_the_three_lines_of_old(client: TestClient) -> None:
    """curl localhost:8080/healthcheck, a GET and a POST of /invoke?run_date=…, as they always were."""
    health = client.get("/healthcheck")
    assert (health.status_code, health.json()) == (200, {"status": "ok", "messenger": "ok", "warehouse": "ok"})
    got, posted = (client.request(method, "/invoke?run_date=2026-01-30") for method in ("GET", "POST"))
    assert got.status_code == posted.status_code == 202
    assert got.json()["job_id"] == posted.json()["job_id"] == request_of("sql", "2026-01-30").job_id


def test_a_job_is_asked_for_done_and_checked(client: TestClient, place: Place) -> None:
    answer = client.post("/invoke", params={"run_date": "2026-01-30", "workload": "rfm"})
    assert answer.json()["state"] == "requested"
    where = answer.headers["location"]
    assert client.get(where).json() == answer.json()
    assert client.get(f"{where}/check").json()["passed"] is False
    with place.worker() as worker:
        steps(worker)
        assert client.get(where).json()["state"] == "running"
        place.begun[0].end = SUCCESS
        steps(worker)
    done = client.get(where).json()
    assert (done["state"], done["detail"], done["result"]) == ("succeeded", "all was made", {"rows": 7})
    check = client.get(f"{where}/check").json()
    assert check == {"job_id": RFM.job_id, "state": "succeeded", "passed": True, "detail": "it was looked at"}
    again = client.get("/invoke", params={"run_date": "2026-01-30", "workload": "rfm"}).json()
    assert (again["job_id"], again["state"]) == (RFM.job_id, "succeeded")
    place.clock.sleep(1.0)
    anew = client.get("/invoke", params={"run_date": "2026-01-30", "workload": "rfm", "again": "true"}).json()
    assert (anew["job_id"], anew["state"]) == (RFM.job_id, "requested")


def test_a_wish_may_be_in_the_address_or_in_the_body(client: TestClient) -> None:
    wish = request_of("train", "2026-01-30", {"seed": 7, "symbol": "EURUSD"})
    asked = [
        client.get("/invoke?run_date=2026-01-30&workload=train&symbol=EURUSD&seed=7"),
        client.post(
            "/invoke?run_date=2026-01-30", json={"workload": "train", "params": {"symbol": "EURUSD", "seed": 7}}
        ),
        client.post(
            "/invoke?seed=7",
            json={"run_date": "2026-01-30", "workload": "train", "params": {"symbol": "EURUSD", "seed": 1}},
        ),
    ]
    assert {answer.json()["job_id"] for answer in asked} == {wish.job_id}


def test_without_a_run_date_it_is_the_last_whole_day(client: TestClient) -> None:
    assert client.get("/invoke").json()["run_date"] == "2026-01-30"


def test_cloud_scheduler_says_when_its_call_was_due(client: TestClient) -> None:
    header = {"X-CloudScheduler-ScheduleTime": "2026-01-30T05:00:00Z"}
    sql = client.post("/invoke", headers=header).json()
    train = client.post("/invoke?workload=train", headers=header).json()
    assert (sql["run_date"], train["run_date"]) == ("2026-01-29", "2026-01-29")
    assert train["params"] == {"until": "2026-01-30T05:00:00.000Z"}
    assert client.post("/invoke", headers={"X-CloudScheduler-ScheduleTime": "soon"}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "run_date=2026-02-30",
        "run_date=yesterday",
        "run_date=",
        "run_date=2026-02-01",
        "run_date=1969-12-31",
        "run_date=2026-01-30&workload=nothing",
        "run_date=2026-01-30&workload=rfm&symbol=EURUSD",
        "run_date=2026-01-30&run_date=2026-01-29",
        "run_date=2026-01-30&again=perhaps",
        "workload=train&hours=nan&run_date=2026-01-30",
    ],
)
def test_what_is_no_wish_is_refused_and_nobody_is_asked(client: TestClient, place: Place, query: str) -> None:
    answer = client.get(f"/invoke?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "hint"}
    assert known_jobs(place.warehouse) == {}


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b'{"date": 1}', b'{"run_date": 1}', b'{"params": []}', b"\xff", b"[" * 9000]
)
def test_bodies_that_are_no_wish_are_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/invoke?run_date=2026-01-30", content=body).status_code == 400


def test_address_and_body_may_not_contradict_each_other(client: TestClient) -> None:
    assert client.post("/invoke?run_date=2026-01-30", json={"run_date": "2026-01-29"}).status_code == 400


def test_a_long_body_is_refused(client: TestClient) -> None:
    assert client.post("/invoke", content=b" " * 20_000).status_code == 413


@pytest.mark.parametrize("path", [NOWHERE, "x", "..%2F..%2Fetc", f"{NOWHERE}/check", "a" * 5000])
def test_a_job_that_nobody_knows_is_not_there(client: TestClient, path: str) -> None:
    answer = client.get(f"/jobs/{path}")
    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "hint"}


def test_other_ways_to_ask_are_refused(client: TestClient) -> None:
    assert client.delete("/invoke").status_code == 405
    assert client.post("/healthcheck").status_code == 405
    assert client.get("/").status_code == 404


def test_pages_of_elsewhere_may_not_ask(client: TestClient, place: Place) -> None:
    assert client.get("/invoke", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/invoke", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert known_jobs(place.warehouse) == {}


def test_with_a_door_everything_but_the_health_needs_a_token(place: Place) -> None:
    with TestClient(make(place, OneCaller()).app("0.0.0.0"), base_url="https://invoker.example") as client:  # noqa: S104
        for path in ("/invoke?run_date=2026-01-30", f"/jobs/{NOWHERE}", f"/jobs/{NOWHERE}/check"):
            refused = client.get(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert client.get(path, headers={"Authorization": "Bearer bad"}).status_code == 403
        assert client.get("/healthcheck").status_code == 200
        good = client.get("/invoke?run_date=2026-01-30", headers={"Authorization": "Bearer good"})
        assert good.status_code == 202
        document = client.get("/openapi.json").json()
        assert document["security"] == [{"identity": []}]


def test_a_store_that_does_not_answer_is_said(
    client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        message = "the disk is full"
        raise StorageUnavailableError(message, hint="Free some space.")

    monkeypatch.setattr(place.warehouse, "read", refuse)
    monkeypatch.setattr(place.messenger, "publish", refuse)
    health = client.get("/healthcheck")
    assert (health.status_code, health.json()["warehouse"]) == (503, "the disk is full")
    assert client.get("/invoke?run_date=2026-01-30").status_code == 503
    assert client.get(f"/jobs/{NOWHERE}").status_code == 503


def test_a_fault_of_ours_is_a_sentence(client: TestClient, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "inner secret"
        raise KeyError(message)

    monkeypatch.setattr(place.warehouse, "read", fail)
    answer = client.get(f"/jobs/{NOWHERE}")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_a_silent_worker_is_not_running(client: TestClient, place: Place) -> None:
    place.ask()
    with place.worker() as worker:
        steps(worker)
    place.clock.sleep(61.0)
    job = client.get(f"/jobs/{RFM.job_id}").json()
    assert job["state"] == "failed"
    assert "not been heard of" in job["detail"]


def test_the_document_names_every_route(client: TestClient, place: Place) -> None:
    document = client.get("/openapi.json").json()
    routes = {route.path for route in make(place).app().routes}  # type: ignore[attr-defined]
    assert set(document["paths"]) == routes - {"/openapi.json"}
    assert set(document["paths"]["/invoke"]) == {"get", "post"}


def test_errors_of_input_elsewhere_are_not_blamed_on_the_disk(place: Place) -> None:
    def check(_: object) -> Verdict:
        message = "there is no folder"
        raise InputError(message, hint="Look.")

    place.ask()
    invoker = Invoker(place.messenger, place.warehouse, place.clock, place.watch(), check)
    with TestClient(invoker.app(), base_url="http://127.0.0.1") as client:
        assert client.get(f"/jobs/{RFM.job_id}/check").status_code == 400
    assert NOON
