"""Airflow as the orchestrator of fsictl's workloads: request, wait, check, over the HTTP of the invoker.

Copy this one file into the DAGs folder of Airflow (2.9 or newer, 3, Cloud Composer). It needs nothing but Airflow and
Python's standard library: the workloads run where fsictl's worker is, never here.

Settings, as environment variables of Airflow or as Airflow Variables of the same name in lower case:

FSICTL_INVOKER_URL       address of the invoker; http://127.0.0.1:8080 without it
FSICTL_INVOKER_AUDIENCE  audience of the identity token that it asks for (`invoker.audience`); without it none is sent.
                         The token is that of the account which Airflow runs as on Google Cloud: name it in
                         `invoker.callers`.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

try:  # Airflow 3
    from airflow.sdk import DAG, Param, PokeReturnValue, Variable, get_current_context, task
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task
    from airflow.exceptions import AirflowFailException
    from airflow.models import Variable
    from airflow.models.param import Param
    from airflow.operators.python import get_current_context
    from airflow.sensors.base import PokeReturnValue

# Workload: when it is due (UTC), and whether days that were missed are made good for.
WORKLOADS = {
    "sql": ("30 0 * * *", True),
    "rfm": ("45 0 * * *", True),
    "score": ("15 0 * * *", True),
    "train": ("0 * * * *", False),
}

METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"
PATIENCE = 60.0


def setting(name: str, default: str = "") -> str:
    """A setting of this file: an environment variable, else an Airflow Variable."""
    if name in os.environ:
        return os.environ[name]
    try:
        return str(Variable.get(name.lower()))
    except Exception:  # there is no such variable, which every version of Airflow says with another error
        return default


def identity_token(audience: str) -> str:
    """The identity token of the account that Airflow runs as on Google Cloud."""
    address = f"{METADATA}?{urllib.parse.urlencode({'audience': audience, 'format': 'full'})}"
    request = urllib.request.Request(address, headers={"Metadata-Flavor": "Google"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return str(answer.read().decode().strip())


def call(method: str, path: str, timeout: float = PATIENCE, **query: str) -> dict[str, Any]:
    """Ask the invoker. What another attempt cannot mend fails the task at once; the rest Airflow tries again."""
    address = setting("FSICTL_INVOKER_URL", "http://127.0.0.1:8080").rstrip("/") + path
    if query:
        address += f"?{urllib.parse.urlencode(query)}"
    if not address.startswith(("http://", "https://")):
        raise AirflowFailException(f"FSICTL_INVOKER_URL is not an address of the web: {address}")
    audience = setting("FSICTL_INVOKER_AUDIENCE")
    headers = {"Authorization": f"Bearer {identity_token(audience)}"} if audience else {}
    request = urllib.request.Request(address, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return dict(json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", "replace")[:1000]
        if 400 <= error.code < 500:
            raise AirflowFailException(f"{method} {path}: {error.code}: {said}") from error
        raise RuntimeError(f"{method} {path}: {error.code}: {said}") from error


def wish(workload: str, context: Any) -> dict[str, str]:
    """What is asked for: the run date that was given by hand, else the last whole day before the run was due, UTC.

    A training uses the rows before the time at which it was due. The same run of the DAG asks for the same job, however
    often its task is tried.
    """
    given = str(context["params"].get("run_date") or "")
    if given:
        return {"workload": workload, "run_date": given}
    run = context["dag_run"]
    due = getattr(run, "run_after", None) or context["data_interval_end"]
    due = due.astimezone(UTC)
    found = {"workload": workload, "run_date": (due.date() - timedelta(days=1)).isoformat()}
    return {**found, "until": due.strftime("%Y-%m-%dT%H:%M:%SZ")} if workload == "train" else found


def make_dag(workload: str, schedule: str, catch_up: bool) -> DAG:
    """The DAG of one workload."""
    with DAG(
        f"fsictl_{workload}",
        description=f"Asks fsictl for {workload}, waits, and checks what was made.",
        schedule=schedule,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=catch_up,
        max_active_runs=1,
        default_args={"retries": 3, "retry_delay": timedelta(minutes=1)},
        params={"run_date": Param("", type="string", description="YYYY-MM-DD; the last whole day when empty")},
        tags=["fsictl"],
        is_paused_upon_creation=True,
    ) as dag:

        @task
        def request() -> str:
            """Ask for the job; asking again is the same job."""
            job = call("POST", "/invoke", **wish(workload, get_current_context()))
            print(f"{job['job_id']}: {job['state']}")
            return str(job["job_id"])

        @task.sensor(poke_interval=10, timeout=6 * 3600, mode="reschedule")
        def wait(job_id: str) -> PokeReturnValue:
            """Wait until it has ended."""
            job = call("GET", f"/jobs/{job_id}")
            print(f"{job_id}: {job['state']} {job['detail']}")
            if job["state"] in {"failed", "cancelled"}:
                raise AirflowFailException(f"{job_id} {job['state']}: {job['detail']}")
            return PokeReturnValue(is_done=job["state"] == "succeeded")

        @task
        def check(job_id: str) -> None:
            """Have it looked at what was made."""
            verdict = call("GET", f"/jobs/{job_id}/check", timeout=900.0)
            print(f"{job_id}: {verdict['detail']}")
            if not verdict["passed"]:
                raise AirflowFailException(f"{job_id} was not done properly: {verdict['detail']}")

        asked = request()
        wait(asked) >> check(asked)
    return dag


for name, (when, catches_up) in WORKLOADS.items():
    globals()[f"fsictl_{name}"] = make_dag(name, when, catches_up)
