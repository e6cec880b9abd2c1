"""`fsictl stream` and `fsictl doctor` on Google Cloud, as people run them, against the contract of Google's APIs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("google.cloud.dataflow_v1beta3")

from tests.contract.cloud import Project
from tests.contract.dataflow import PROJECT, Cloud, needs_documents
from tests.contract.server import contract_server
from tests.e2e.conftest import Fsictl, assert_two_sentences

pytestmark = [pytest.mark.e2e, needs_documents]

APIS = (
    "dataflow.v1b3",
    "storage.v1",
    "cloudresourcemanager.v3",
    "serviceusage.v1",
    "compute.v1",
    "pubsub.v1",
    "run.v2",
)


@pytest.fixture(name="cloud")
def cloud_here() -> Iterator[Cloud]:
    with contract_server(*APIS) as server:
        cloud = Cloud(server)
        cloud.storage.serve(server)
        cloud.dataflow.after = 0  # nobody waits for anything
        cloud.dataflow.serve(server)
        Project().serve(server)
        yield cloud
        assert server.violations == []


def test_a_good_project_is_found_good(fsictl: Fsictl, cloud: Cloud) -> None:
    rows = fsictl("doctor", "--json", env=cloud.environment).json
    assert {"credentials", "project", "APIs", "permissions", "region", "subscriptions"} <= {
        row["check"] for row in rows
    }


def test_a_stream_is_started_once(fsictl: Fsictl, cloud: Cloud) -> None:
    place = cloud.environment
    started = fsictl("stream", "start", "--json", env=place)
    assert started.json == {"started": ["metrics", "infer", "sink"]}
    again = fsictl("stream", "start", "--only", "metrics", env=place, code=3)
    assert "Metrics already runs on Dataflow (job 2026-1)." in again.err
    shown = fsictl("stream", "status", "--json", env=place).json
    assert {one["pipeline"]: one["state"] for one in shown} == dict.fromkeys(("metrics", "infer", "sink"), "running")
    assert not (fsictl.directory / ".fsictl").exists()  # nothing of it is on this machine


def test_a_running_stream_is_looked_at_kept_and_ended(fsictl: Fsictl, cloud: Cloud) -> None:
    place = cloud.environment
    for name in ("metrics", "infer", "sink"):
        cloud.dataflow.add({"name": f"fsictl-{name}"})
    cloud.dataflow.say("2026-1", "JOB_MESSAGE_BASIC", "Workers have started successfully.")
    assert "Workers have started successfully." in fsictl("stream", "logs", "metrics", env=place).out
    taken = fsictl("stream", "snapshot", "metrics", "--json", env=place).json
    assert taken == {"pipeline": "metrics", "snapshot": "snapshot-1"}
    assert fsictl("stream", "stop", "--only", "metrics", "--json", env=place).json == {"stopped": ["metrics"]}
    assert cloud.dataflow.state("fsictl-metrics") == "DRAINED"
    fsictl("stream", "stop", "--cancel", env=place)
    assert {cloud.dataflow.state(f"fsictl-{name}") for name in ("infer", "sink")} == {"CANCELLED"}


def test_a_job_whose_state_would_not_fit_is_not_replaced(fsictl: Fsictl, cloud: Cloud) -> None:
    fsictl("stream", "start", "--only", "metrics", env=cloud.environment)
    other = {**cloud.environment, "FSICTL_METRICS_MAX_GAP": "5"}
    refused = fsictl("stream", "start", "--update", "--only", "metrics", env=other, code=3)
    assert "the setting metrics.max_gap was 60 and is 5" in refused.err


def test_a_job_is_launched_from_here(fsictl: Fsictl, cloud: Cloud) -> None:
    place = {**cloud.environment, "FSICTL_GCP_LAUNCH": "direct"}
    done = fsictl("stream", "start", "--only", "metrics", env=place)
    assert done.out.splitlines() == []
    assert "Running on Dataflow: metrics." in done.err
    assert [one.body["name"] for one in cloud.created()] == ["fsictl-metrics"]
    assert cloud.graph(cloud.created()[0]).components.transforms


def test_a_training_is_asked_of_cloud_run(fsictl: Fsictl, cloud: Cloud) -> None:
    place = f"projects/{PROJECT}/locations/europe-west1/jobs/fsictl-train"
    done = {"name": "projects/p/operations/1", "done": True, "metadata": {"name": f"{place}/executions/x1"}}
    cloud.server.reply("run.projects.locations.jobs.run", done)
    trained = fsictl("train", "--now", "--on-cloud-run", "--hours", 48, "--json", env=cloud.environment)
    assert trained.json == {"execution": "x1"}
    (request,) = cloud.server.asked("run.projects.locations.jobs.run")
    assert request.path["name"] == place
    assert request.body["overrides"]["containerOverrides"] == [
        {"name": "fsictl", "args": ["train", "--now", "--hours", "48.0"]}
    ]


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (("start",), {"FSICTL_GCP_PROJECT": ""}, 3, "gcp.project is not set"),
        (("start",), {"FSICTL_GCP_ENDPOINT": "http://192.0.2.1"}, 3, "must be an address of this machine"),
        (("start", "--update"), {"FSICTL_TARGET": "local"}, 3, "The target local has no Dataflow jobs."),
        (("stop", "--drain", "--cancel"), {}, 2, "--drain and --cancel are opposites"),
        (("start", "--only", "sink"), {"FSICTL_GCP_SINK": "subscription"}, 2, "Sink is no pipeline here"),
        (("status",), {"FSICTL_GCP_ENDPOINT": "", "STORAGE_EMULATOR_HOST": ""}, 3, "there are no credentials"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    fsictl: Fsictl, cloud: Cloud, arguments: tuple[str, ...], environment: dict[str, str], code: int, said: str
) -> None:
    nobody = {"HOME": str(fsictl.directory), "NO_GCE_CHECK": "true", "GOOGLE_APPLICATION_CREDENTIALS": ""}
    done = fsictl("stream", *arguments, env={**cloud.environment, **nobody, **environment}, code=code)
    assert said.lower() in done.err.lower()
    if code == 3:
        assert_two_sentences(done)
