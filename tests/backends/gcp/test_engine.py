"""The Dataflow engine against Dataflow's contract: launched, replaced, drained, and never doubled."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator

import pytest

pytest.importorskip("google.cloud.dataflow_v1beta3")

from tests.contract.dataflow import Cloud, local_dataflow, needs_documents
from tests.contract.discovery import api
from tests.contract.server import Refusal

from fsictl.cli import beam
from fsictl.errors import BusyError, PreconditionError, ServiceError, SettingsError
from fsictl.ports.engine import PipelineState

pytestmark = needs_documents
ALL = ("metrics", "infer", "sink")


@pytest.fixture(scope="module", autouse=True)
def _graphs_are_made_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beam, "graph", functools.cache(beam.graph))
        yield


@pytest.fixture(name="cloud")
def cloud_here() -> Iterator[Cloud]:
    with local_dataflow() as cloud:
        yield cloud


def test_templates_are_written_and_launched_with_every_option(cloud: Cloud) -> None:
    cloud.engine(gcp__kms_key="projects/p/locations/l/keyRings/r/cryptoKeys/k", gcp__labels="team=fx").start(ALL)
    assert [one["jobName"] for one in cloud.launches()] == ["fsictl-metrics", "fsictl-infer", "fsictl-sink"]
    assert cloud.created() == []
    metrics, infer, sink = cloud.launches()
    assert not metrics.get("update", False)
    environment = metrics["environment"]
    labels = environment.pop("additionalUserLabels")
    assert labels.keys() == {"app", "component", "fsictl-graph", "fsictl-version", "pipeline", "system", "team"}
    assert (labels["pipeline"], labels["team"], labels["system"]) == ("metrics", "fx", "fsictl")
    image = environment.pop("sdkContainerImage")
    assert image.startswith("europe-west1-docker.pkg.dev/my-project/fsictl/worker:")
    assert environment == {
        "tempLocation": "gs://my-project-fsictl/dataflow/temp",
        "stagingLocation": "gs://my-project-fsictl/dataflow/staging",
        "machineType": "n2-standard-2",
        "numWorkers": 1,
        "maxWorkers": 3,
        "autoscalingAlgorithm": "AUTOSCALING_ALGORITHM_BASIC",
        "serviceAccountEmail": "fsictl-worker@my-project.iam.gserviceaccount.com",
        "subnetwork": "regions/europe-west1/subnetworks/fsictl-europe-west1",
        "kmsKeyName": "projects/p/locations/l/keyRings/r/cryptoKeys/k",
        "ipConfiguration": "WORKER_IP_PRIVATE",
        "enableStreamingEngine": True,
        "streamingMode": "STREAMING_MODE_EXACTLY_ONCE",
    }
    assert infer["environment"]["streamingMode"] == "STREAMING_MODE_EXACTLY_ONCE"
    assert sink["environment"]["streamingMode"] == "STREAMING_MODE_AT_LEAST_ONCE"
    assert metrics["parameters"]["metrics_window"] == "300"
    assert sink["parameters"]["gcp_dataset"] == "forex"
    for launched in cloud.launches():
        bucket, _, name = launched["containerSpecGcsPath"].removeprefix("gs://").partition("/")
        spec = json.loads(cloud.storage.objects[bucket, name])
        dataflow = api("dataflow.v1b3")
        assert list(dataflow.problems({"$ref": "ContainerSpec"}, spec)) == []
        assert spec["image"] == image
        described = {one["name"]: one for one in spec["metadata"]["parameters"]}
        assert launched["parameters"].keys() <= described.keys()
        for parameter, value in launched["parameters"].items():
            for expression in described[parameter].get("regexes", ()):
                assert re.fullmatch(expression, value), parameter


def test_start_waits_until_the_jobs_run(cloud: Cloud) -> None:
    cloud.dataflow.after = 3
    cloud.engine().start(["metrics"])
    assert cloud.dataflow.state("fsictl-metrics") == "RUNNING"
    assert cloud.clock.monotonic() == 15.0
    assert cloud.said == ["metrics: launched job 2026-1, which takes some minutes to come up"]


def test_a_job_that_runs_is_never_doubled(cloud: Cloud) -> None:
    engine = cloud.engine()
    engine.start(["infer"])
    with pytest.raises(BusyError, match="infer already runs on Dataflow"):
        engine.start(ALL)
    assert len(cloud.launches()) == 1  # not even the ones that did not run


def test_of_two_who_start_at_once_one_is_refused_by_dataflow(cloud: Cloud) -> None:
    engine = cloud.engine()
    engine.start(["infer"])
    cloud.server.reply("dataflow.projects.locations.jobs.list", {})  # the other one looked before
    with pytest.raises(BusyError, match="already an active job"):
        engine.start(["infer"])


def test_a_running_job_is_replaced_in_place(cloud: Cloud) -> None:
    cloud.engine().start(["metrics"])
    cloud.engine(gcp__machine_type="n2-standard-4", metrics__allowed_lateness=5).start(["metrics"], update=True)
    _, second = cloud.launches()
    assert second["update"] is True
    assert second["environment"]["machineType"] == "n2-standard-4"
    assert [job["currentState"] for job in cloud.dataflow.jobs.values()] == ["JOB_STATE_UPDATED", "JOB_STATE_RUNNING"]
    assert cloud.dataflow.jobs["2026-2"]["replaceJobId"] == "2026-1"


def test_update_starts_what_does_not_run(cloud: Cloud) -> None:
    cloud.engine().start(["metrics"], update=True)
    assert not cloud.launches()[0].get("update", False)


@pytest.mark.parametrize(
    ("name", "changed", "why"),
    [
        ("metrics", {"metrics__window": 60}, "the setting metrics.rsi_window was 300 and is 60"),
        ("metrics", {"metrics__max_gap": 5}, "the setting metrics.max_gap was 60 and is 5"),
        ("infer", {"model__window": 20}, "the setting model.window was 30 and is 20"),
        ("sink", {"gcp__prefix": "fsictl"}, None),
    ],
)
def test_a_job_whose_state_would_not_fit_is_refused_before_it_is_launched(
    cloud: Cloud, name: str, changed: dict[str, object], why: str | None
) -> None:
    cloud.engine().start([name])
    if why is None:
        cloud.engine(**changed).start([name], update=True)
        return
    with pytest.raises(PreconditionError, match=why) as raised:
        cloud.engine(**changed).start([name], update=True)
    assert f"fsictl stream stop --only {name}" in raised.value.hint
    assert len(cloud.launches()) == 1


def test_what_dataflow_finds_incompatible_is_said_and_the_old_job_goes_on(cloud: Cloud) -> None:
    cloud.engine().start(["metrics"])
    cloud.dataflow.refuse_replacements = (
        "The new job is not compatible with 2026-1. The original job has not been aborted."
    )
    with pytest.raises(PreconditionError, match=r"not compatible with 2026-1.*; the job 2026-1 goes on as it was"):
        cloud.engine().start(["metrics"], update=True)
    assert cloud.dataflow.jobs["2026-1"]["currentState"] == "JOB_STATE_RUNNING"


def test_what_drains_or_only_begins_is_not_replaced(cloud: Cloud) -> None:
    engine = cloud.engine()
    engine.start(["metrics"])
    for state, said in (("DRAINING", "still drains"), ("QUEUED", "just starting")):
        cloud.dataflow.after = 10**6
        cloud.dataflow.jobs["2026-1"]["currentState"] = f"JOB_STATE_{state}"
        with pytest.raises(BusyError, match=said):
            engine.start(["metrics"], update=True)


def test_a_job_that_fails_to_come_up_says_why(cloud: Cloud) -> None:
    def launched(_: object) -> dict[str, object]:
        job = cloud.dataflow.add({"name": "fsictl-metrics"})
        job["currentState"] = "JOB_STATE_FAILED"
        cloud.dataflow.say(job["id"], "JOB_MESSAGE_BASIC", "Starting.")
        cloud.dataflow.say(job["id"], "JOB_MESSAGE_ERROR", "Subnetwork not found.\nMore.")
        return {"job": job}

    cloud.server.reply("dataflow.projects.locations.flexTemplates.launch", launched)
    with pytest.raises(PreconditionError, match=r"metrics did not start: Subnetwork not found$"):
        cloud.engine().start(["metrics"])
    assert cloud.engine().logs("metrics", 5) == [
        "2026-01-01T00:00:00 BASIC Starting.",
        "2026-01-01T00:00:01 ERROR Subnetwork not found.\nMore.",
    ]
    (status,) = cloud.engine().status()
    assert (status.state, status.detail) == (PipelineState.FAILED, "job 2026-1: Subnetwork not found")


def test_a_job_that_never_comes_up_is_left_alone(cloud: Cloud) -> None:
    cloud.dataflow.after = 10**6
    with pytest.raises(ServiceError, match="has not come up in 15 minutes"):
        cloud.engine().start(["metrics"])
    assert cloud.dataflow.state("fsictl-metrics") == "QUEUED"


def test_stop_drains_one_after_the_other(cloud: Cloud) -> None:
    engine = cloud.engine()
    engine.start(ALL)
    assert engine.stop(ALL, drain=True, timeout=600) == list(ALL)
    updates = cloud.server.asked("dataflow.projects.locations.jobs.update")
    assert [one.body["requestedState"] for one in updates] == ["JOB_STATE_DRAINED"] * 3
    assert {cloud.dataflow.state(f"fsictl-{name}") for name in ALL} == {"DRAINED"}
    assert engine.stop(ALL, drain=True, timeout=600) == []


def test_stop_may_cancel(cloud: Cloud) -> None:
    engine = cloud.engine()
    engine.start(ALL)
    assert engine.stop(ALL, drain=False, timeout=600) == list(ALL)
    assert {cloud.dataflow.state(f"fsictl-{name}") for name in ALL} == {"CANCELLED"}


def test_what_does_not_drain_in_time_goes_on_draining(cloud: Cloud) -> None:
    engine = cloud.engine()
    engine.start(["metrics"])
    cloud.dataflow.after = 10**6
    with pytest.raises(ServiceError, match="metrics has not ended in 30 seconds and goes on"):
        engine.stop(["metrics"], drain=True, timeout=30)
    assert cloud.dataflow.state("fsictl-metrics") == "DRAINING"
    (status,) = engine.status()
    assert status.state is PipelineState.DRAINING
    cloud.dataflow.after = cloud.dataflow.looks["2026-1"] + 1
    assert engine.stop(["metrics"], drain=True, timeout=30) == ["metrics"]
    assert cloud.dataflow.state("fsictl-metrics") == "DRAINED"
    assert len(cloud.server.asked("dataflow.projects.locations.jobs.update")) == 1


def test_what_has_not_begun_is_cancelled_rather_than_drained(cloud: Cloud) -> None:
    cloud.dataflow.add({"name": "fsictl-metrics"})
    cloud.dataflow.after = 5
    assert cloud.engine().stop(["metrics"], drain=True, timeout=600) == ["metrics"]
    assert cloud.dataflow.state("fsictl-metrics") == "CANCELLED"


def test_status_shows_the_newest_job_of_each_pipeline(cloud: Cloud) -> None:
    engine = cloud.engine()
    assert engine.status() == []
    engine.start(["metrics", "sink"])
    engine.stop(["sink"], drain=True, timeout=600)
    engine.start(["sink"])
    engine.stop(["metrics"], drain=True, timeout=600)
    assert [(one.name, one.state, one.detail) for one in engine.status()] == [
        ("metrics", PipelineState.STOPPED, "job 2026-1"),
        ("sink", PipelineState.RUNNING, "job 2026-3"),
    ]


def test_a_pipeline_begins_with_a_snapshot(cloud: Cloud) -> None:
    engine = cloud.engine()
    with pytest.raises(PreconditionError, match="metrics does not run"):
        engine.snapshot("metrics", days=7)
    engine.start(["metrics"])
    taken = engine.snapshot("metrics", days=3)
    (request,) = cloud.server.asked("dataflow.projects.locations.jobs.snapshot")
    assert request.body["ttl"] == "259200s"
    assert request.body["snapshotSources"] is True
    engine.stop(["metrics"], drain=True, timeout=600)
    engine.start(["metrics"], snapshot=taken)
    assert cloud.launches()[-1]["parameters"]["create_from_snapshot"] == taken
    with pytest.raises(PreconditionError, match="a snapshot is of one pipeline"):
        engine.start(ALL, snapshot=taken)
    cloud.dataflow.snapshots[taken]["state"] = "FAILED"
    engine.stop(["metrics"], drain=True, timeout=600)
    with pytest.raises(PreconditionError, match="cannot be used: it is failed"):
        engine.start(["metrics"], snapshot=taken)


def test_without_a_sink_job_there_are_two_and_rows_travel_alone(cloud: Cloud) -> None:
    engine = cloud.engine(gcp__sink="subscription")
    engine.start(["metrics", "infer"])
    assert [one["parameters"]["gcp_sink"] for one in cloud.launches()] == ["subscription"] * 2
    assert [one.name for one in engine.status()] == ["metrics", "infer"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"gcp__max_workers": 1, "gcp__workers": 2}, "gcp.max_workers is 1"),
        ({"gcp__labels": "Team"}, "gcp.labels has 'Team'"),
        ({"gcp__labels": "team=FX"}, "which is no label"),
        ({"gcp__project": ""}, "gcp.project is not set"),
    ],
)
def test_settings_that_dataflow_would_refuse_are_refused_here(
    cloud: Cloud, changed: dict[str, object], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        cloud.engine(**changed)


def test_a_busy_service_is_asked_again_and_a_refusal_is_not(cloud: Cloud) -> None:
    answers = [Refusal(503, "try later"), Refusal(429, "slow down", headers={"retry-after": "7"})]
    jobs = "dataflow.projects.locations.jobs.list"
    served = cloud.server.replies[jobs]
    cloud.server.reply(jobs, lambda request: answers.pop(0) if answers else served(request))
    assert cloud.engine().status() == []
    assert cloud.clock.monotonic() == 1.0 + 7.0
    cloud.server.reply(jobs, Refusal(403, "Permission 'dataflow.jobs.list' denied"))
    with pytest.raises(PreconditionError, match=r"you may not look for the job fsictl-metrics: Permission"):
        cloud.engine().status()
    assert cloud.clock.monotonic() == 8.0


def test_a_launch_that_may_have_happened_is_not_repeated(cloud: Cloud) -> None:
    cloud.server.reply("dataflow.projects.locations.flexTemplates.launch", Refusal(503, "gone away"))
    with pytest.raises(ServiceError, match="could not launch the job fsictl-metrics"):
        cloud.engine().start(["metrics"])
    assert len(cloud.launches()) == 1
