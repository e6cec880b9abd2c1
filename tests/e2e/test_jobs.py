"""Jobs as people ask for them: by command, over HTTP and from Airflow, with workers that are killed."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import Fsictl, eventually

ROOT = Path(__file__).parents[2]
AIRFLOW = ROOT / ".environments" / "airflow" / "bin"
RUN_DATE = "2026-01-31"
MARTS = ("rfm_customers", "rfm_segments")

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
needs_dbt = pytest.mark.skipif(
    importlib.util.find_spec("dbt") is None, reason="dbt is not installed: pip install 'fsictl[sql]'"
)
needs_airflow = pytest.mark.skipif(
    not (AIRFLOW / "airflow").exists(), reason="no Airflow: python scripts/environments.py airflow"
)


def trade(fsictl: Fsictl) -> None:
    """The same thirty clients in every workspace."""
    fsictl("generate", "--clients", 30, "--start", "2026-01-01T00:00:00Z", "--duration", "40d", "--speed", "max")


def marts(fsictl: Fsictl) -> dict[str, Any]:
    return {name: fsictl("sql", "show", name, "--run-date", RUN_DATE, "--json").json for name in MARTS}


@pytest.fixture(scope="module")
def by_command(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The marts that `orchestrator run rfm` makes."""
    fsictl = Fsictl(tmp_path_factory.mktemp("command"))
    trade(fsictl)
    done = fsictl("orchestrator", "run", "rfm", "--run-date", RUN_DATE, "--json")
    assert done.json["passed"] is True
    assert done.json["state"] == "succeeded"
    assert not fsictl.processes()
    found = marts(fsictl)
    assert len(found["rfm_customers"]) > 10
    return found


@contextmanager
def invoker(fsictl: Fsictl) -> Iterator[str]:
    """The address of an invoker with its worker."""
    process = fsictl.start("invoker", "serve", "--port", 0, "--json")
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"].rstrip("/")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60.0)
        assert process.returncode == 0


def call(address: str, method: str = "GET") -> tuple[int, Any]:
    request = urllib.request.Request(address, method=method)  # noqa: S310 - the loopback
    try:
        with urllib.request.urlopen(request, timeout=60.0) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@needs_dbt
def test_over_http_the_tables_are_those_of_the_command(fsictl: Fsictl, by_command: dict[str, Any]) -> None:
    trade(fsictl)
    with invoker(fsictl) as address:
        status, health = call(f"{address}/healthcheck")
        assert (status, health["status"]) == (200, "ok")
        status, job = call(f"{address}/invoke?run_date={RUN_DATE}&workload=rfm", "POST")
        assert status == 202
        where = f"{address}/jobs/{job['job_id']}"
        eventually(lambda: call(where)[1]["state"] in {"succeeded", "failed"}, "the job ended")
        assert call(f"{where}/check")[1]["passed"] is True
    assert marts(fsictl) == by_command
    story = fsictl("job", "status", job["job_id"], "--json").json["story"]
    states = [one["state"] for one in story if one["state"] != "running" or not one["detail"]]
    assert states == ["asked", "requested", "running", "succeeded"]
    assert any("model rfm_segments: success" in one["detail"] for one in story)
    log = fsictl("stream", "logs", "workloads", "-n", 1000).out
    assert f"{job['job_id']}: succeeded" in log


@contextmanager
def careless_invoker() -> Iterator[str]:
    """An invoker by whose word every job succeeds, and made nothing."""

    class Careless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {"job_id": "rfm-20200101-000000000000", "state": "succeeded", "passed": False, "detail": "no row"}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@needs_dbt
@needs_airflow
def test_from_airflow_the_tables_are_those_of_the_command(fsictl: Fsictl, by_command: dict[str, Any]) -> None:
    trade(fsictl)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))},
        "AIRFLOW_HOME": str(fsictl.directory / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "templates" / "airflow"),
    }

    def airflow(*command: str) -> str:
        done = subprocess.run(
            command, env=environment, cwd=fsictl.directory, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return done.stdout

    airflow(str(AIRFLOW / "airflow"), "db", "migrate")
    template = str(ROOT / "templates" / "airflow" / "fsictl_workloads.py")
    runner = [str(AIRFLOW / "python"), str(ROOT / "tests" / "jobs" / "dag_run.py"), template]
    with invoker(fsictl) as address, careless_invoker() as careless:
        said = airflow(
            *runner,
            *("fsictl_rfm", RUN_DATE, address),
            *("fsictl_score", RUN_DATE, address),  # there is no model to score with
            *("fsictl_rfm", "2020-01-01", careless),
        )
    assert [line for line in said.splitlines() if line.startswith("ended:")] == [
        "ended: success success success success",
        "ended: failed success failed upstream_failed",
        "ended: failed success success failed",
    ]
    assert marts(fsictl) == by_command


def job_of(fsictl: Fsictl) -> dict[str, Any]:
    found = fsictl("job", "list", "--json").json
    return found[0] if found else {"state": None, "attempt": None}


@needs_dbt
def test_a_worker_that_is_killed_in_the_middle_is_no_reason_to_lose_a_job(
    fsictl: Fsictl, by_command: dict[str, Any]
) -> None:
    trade(fsictl)
    run = fsictl.start("orchestrator", "run", "rfm", "--run-date", RUN_DATE, "--json")
    eventually(lambda: job_of(fsictl)["state"] == "running", "the job runs")
    os.kill(fsictl.pipelines()["workloads"]["pid"], signal.SIGKILL)
    out, err = run.communicate(timeout=240)
    assert run.returncode == 0, err
    told = json.loads(out)
    assert (told["state"], told["passed"], told["attempt"]) == ("succeeded", True, 2)
    assert marts(fsictl) == by_command
    story = fsictl("job", "status", told["job_id"]).out
    assert "its worker was gone" in story


def test_exit_codes_say_what_is_wrong(fsictl: Fsictl) -> None:
    fsictl("init")
    fsictl("generate", "--clients", 3, "--start", "2026-01-01T00:00:00Z", "--duration", "2d", "--speed", "max")
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 2 * 86_400))
    fsictl("job", "submit", "rfm", "--run-date", "31.1.2026", code=2)
    fsictl("job", "submit", "nothing", code=2)
    fsictl("job", "submit", "rfm", "--run-date", tomorrow, code=3)
    fsictl("job", "wait", "rfm-20260131-b3d09c4e184b", code=3)
    fsictl("job", "status", "../x", code=2)
    asked = fsictl("job", "submit", "score", "--run-date", "2026-01-01", "--json").json
    assert fsictl("job", "submit", "score", "--run-date", "2026-01-01", "--json").json == asked
    assert "has not ended" in fsictl("job", "wait", asked["job_id"], "--timeout", "1s", code=5).err
    refused = fsictl("orchestrator", "run", "score", "--run-date", "2026-01-01", code=5).err
    assert "the job is failed" in refused
    assert "Traceback" not in refused
    assert fsictl("job", "wait", asked["job_id"], "--json", code=5).json["state"] == "failed"
    assert len(fsictl("job", "list", "--json").json) == 1


def test_of_two_orchestrators_one_runs_and_it_makes_good_for_what_was_missed(fsictl: Fsictl) -> None:
    fsictl("init")
    two_days_ago = round((time.time() - 2 * 86_400) * 1000)
    fsictl.write(".fsictl/schedule.json", json.dumps({"30 0 * * * score": two_days_ago}))
    first = fsictl.start("orchestrator", "start")
    eventually(lambda: len(fsictl("job", "list", "--json").json) == 2, "two missed runs are asked for")
    refused = fsictl("orchestrator", "start", code=3).err
    assert "orchestrator is already running" in refused

    def failed() -> bool:
        return {job["state"] for job in fsictl("job", "list", "--json").json} == {"failed"}

    eventually(failed, "both have failed: there is no model")
    time.sleep(2.0)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=60.0)
    assert first.returncode == 0, err
    assert err.count("ALARM: was not done") == 2


def test_a_training_can_be_scheduled_and_taken_back(fsictl: Fsictl) -> None:
    fsictl("init")
    said = fsictl("train", "--schedule", "5 * * * *", "--symbol", "EURUSD", "--json").json
    assert said["entry"] == "5 * * * * train symbol=EURUSD"
    (row,) = fsictl("orchestrator", "schedule", "--json").json
    assert row["next"] == said["next"]
    fsictl("train", "--schedule", "61 * * * *", code=2)
    fsictl("train", "--schedule", "5 * * * *", "--now", code=2)
    assert fsictl("train", "--schedule", "none", "--json").json == {"removed": [said["entry"]]}
    assert fsictl("orchestrator", "schedule", "--json").json == []


def test_an_invoker_that_others_can_reach_wants_to_know_whom_to_let_in(fsictl: Fsictl) -> None:
    assert "audience" in fsictl("invoker", "serve", "--host", "0.0.0.0", code=3).err  # noqa: S104
    environment = {"FSICTL_INVOKER_AUDIENCE": "https://invoker.example"}
    assert "callers" in fsictl("invoker", "serve", "--host", "0.0.0.0", code=3, env=environment).err  # noqa: S104
