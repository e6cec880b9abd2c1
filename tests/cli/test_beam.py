"""The pipelines as Dataflow gets them: submitted for real to a Dataflow of this machine, and what was staged read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("google.cloud.dataflow_v1beta3")

from apache_beam.portability.api import beam_runner_api_pb2
from tests.contract.dataflow import PROJECT, Cloud, cloud_settings, local_dataflow, needs_documents
from tests.contract.server import Refusal, Request

import fsictl
from fsictl.backends.gcp.template import SNAPSHOT_PARAMETER
from fsictl.cli import beam
from fsictl.errors import BusyError, FsictlError, PreconditionError, UsageError

pytestmark = needs_documents
SOURCE = str(Path(fsictl.__file__).parent)
PUBSUB = f"projects/{PROJECT}"


@pytest.fixture(name="cloud")
def cloud_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with local_dataflow() as cloud:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud.server.address)  # where Beam stages
        yield cloud


@dataclass(frozen=True)
class Submitted:
    """A job as it was asked for, its graph, and the names of what was staged."""

    job: Request
    graph: beam_runner_api_pb2.Pipeline
    staged: set[str]


@pytest.fixture(scope="module", name="jobs")
def jobs_of_all() -> Iterator[dict[str, Submitted]]:
    """Every pipeline, launched once from this machine."""
    with local_dataflow() as cloud, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", cloud.server.address)
        jobs = {}
        for name in READS:
            job, graph = submitted(cloud, name, gcp__labels="team=fx", gcp__workers=2, gcp__image_tag="1.2.3")
            staged = {one.rsplit("/", 1)[1] for one in cloud.storage.under("dataflow/staging/")}
            jobs[name] = Submitted(job, graph, staged)
        yield jobs


def steps(graph: beam_runner_api_pb2.Pipeline, urn: str) -> dict[str, Any]:
    """The payloads of the steps of that kind, by name."""
    kinds = {
        "beam:transform:pubsub_read:v1": beam_runner_api_pb2.PubSubReadPayload,
        "beam:transform:pubsub_write:v1": beam_runner_api_pb2.PubSubWritePayload,
        "beam:transform:pardo:v1": beam_runner_api_pb2.ParDoPayload,
    }
    found = [one for one in graph.components.transforms.values() if one.spec.urn == urn]
    return {one.unique_name: kinds[urn].FromString(one.spec.payload) for one in found}


def submitted(cloud: Cloud, name: str, **changed: Any) -> tuple[Request, beam_runner_api_pb2.Pipeline]:
    """A job that was launched from this machine, and its graph."""
    cloud.engine(gcp__launch="direct", **changed).start([name])
    job = cloud.created()[-1]
    return job, cloud.graph(job)


READS = {
    "metrics": {"prices": "metrics"},
    "infer": {"metrics": "infer"},
    "sink": {"prices": "sink", "metrics": "sink", "reconerr": "sink"},
}
WRITES = {"metrics": {"metrics", "dead-letter"}, "infer": {"reconerr", "dead-letter"}, "sink": {"dead-letter"}}
KEEPS = {
    "metrics": {"CloseSeconds": ({"operator": "read_modify_write_spec", "newest": "read_modify_write_spec"}, 1)},
    "infer": {
        "JudgeRows": (
            {"operator": "read_modify_write_spec", "waiting": "bag_spec", "due": "read_modify_write_spec"},
            1,
        )
    },
    "sink": {},
}


@pytest.mark.parametrize("name", ["metrics", "infer", "sink"])
def test_the_graph_reads_keeps_and_writes_what_it_should(jobs: dict[str, Submitted], name: str) -> None:
    graph = jobs[name].graph
    reads = steps(graph, "beam:transform:pubsub_read:v1")
    assert {read.subscription for read in reads.values()} == {
        f"{PUBSUB}/subscriptions/fsictl-{topic}-{reader}" for topic, reader in READS[name].items()
    }
    for read in reads.values():
        assert read.timestamp_attribute == "timestamp"
        assert read.id_attribute == "message-id"
        assert read.with_attributes
    writes = steps(graph, "beam:transform:pubsub_write:v1")
    assert {write.topic for write in writes.values()} == {f"{PUBSUB}/topics/fsictl-{topic}" for topic in WRITES[name]}
    keeping = {}
    for step, payload in steps(graph, "beam:transform:pardo:v1").items():
        if payload.state_specs or payload.timer_family_specs:
            states = {state: spec.WhichOneof("spec") for state, spec in payload.state_specs.items()}
            timers = payload.timer_family_specs.values()
            assert {timer.time_domain for timer in timers} == {beam_runner_api_pb2.TimeDomain.EVENT_TIME}
            keeping[next(part for part in step.split("/") if part in {"CloseSeconds", "JudgeRows"})] = (
                states,
                len(timers),
            )
    assert keeping == KEEPS[name]


def test_the_sink_writes_every_topic_to_its_table(jobs: dict[str, Submitted]) -> None:
    names = {one.unique_name for one in jobs["sink"].graph.components.transforms.values()}
    for topic in ("prices", "metrics", "reconerr"):
        assert {f"Read_{topic}", f"Decode_{topic}", f"Write_{topic}"} <= names


def test_the_calibrations_of_inference_go_to_their_table(jobs: dict[str, Submitted]) -> None:
    assert "WriteCalibrations" in {one.unique_name for one in jobs["infer"].graph.components.transforms.values()}


@pytest.mark.parametrize("name", ["metrics", "infer", "sink"])
def test_the_job_has_every_option(jobs: dict[str, Submitted], name: str) -> None:
    job, graph = jobs[name].job, jobs[name].graph
    assert (job.body["name"], job.body["type"]) == (f"fsictl-{name}", "JOB_TYPE_STREAMING")
    assert job.path == {"projectId": PROJECT, "location": "europe-west1"}
    labels = job.body["labels"]
    assert (labels["pipeline"], labels["team"], labels["app"]) == (name, "fx", "fsictl")
    environment = job.body["environment"]
    assert environment["serviceAccountEmail"] == f"fsictl-worker@{PROJECT}.iam.gserviceaccount.com"
    mode = "streaming_mode_at_least_once" if name == "sink" else "streaming_mode_exactly_once"
    assert environment["serviceOptions"] == [mode, "min_num_workers=2"]
    assert {"enable_streaming_engine", "use_runner_v2"} <= set(environment["experiments"])
    (pool,) = environment["workerPools"]
    assert (pool["machineType"], pool["numWorkers"]) == ("n2-standard-2", 2)
    assert pool["autoscalingSettings"] == {"algorithm": "AUTOSCALING_ALGORITHM_BASIC", "maxNumWorkers": 3}
    assert pool["ipConfiguration"] == "WORKER_IP_PRIVATE"
    assert pool["subnetwork"] == "regions/europe-west1/subnetworks/fsictl-europe-west1"
    image = f"europe-west1-docker.pkg.dev/{PROJECT}/fsictl/worker:1.2.3"
    assert [one["containerImage"] for one in pool["sdkHarnessContainerImages"]] == [image]
    (container,) = graph.components.environments.values()
    assert beam_runner_api_pb2.DockerPayload.FromString(container.payload).container_image == image


def test_nothing_of_the_launching_machine_travels(jobs: dict[str, Submitted]) -> None:
    for one in jobs.values():
        # No main session, no package of ours.
        assert one.staged == {"pipeline.pb", "submission_environment_dependencies.txt"}
        options = one.job.body["environment"]["sdkPipelineOptions"]["options"]
        assert options["save_main_session"] is False
        assert options["sdk_location"] == "container"
        assert SOURCE.encode() not in one.graph.SerializeToString()  # functions are named, not copied


def test_public_addresses_and_a_network_of_ones_own(cloud: Cloud) -> None:
    job, _ = submitted(cloud, "metrics", gcp__addresses="public", gcp__network="default", gcp__kms_key="projects/p/k")
    (pool,) = job.body["environment"]["workerPools"]
    assert pool["network"] == "default"
    assert "subnetwork" not in pool
    assert pool.get("ipConfiguration") != "WORKER_IP_PRIVATE"
    assert job.body["environment"]["serviceKmsKeyName"] == "projects/p/k"


def test_a_job_launched_from_here_is_replaced_too(cloud: Cloud) -> None:
    submitted(cloud, "metrics")
    cloud.engine(gcp__launch="direct").start(["metrics"], update=True)
    assert cloud.created()[-1].body["replaceJobId"] == "2026-1"
    with pytest.raises(PreconditionError, match=r"metrics\.window was 300 and is 60"):
        cloud.engine(gcp__launch="direct", metrics__window=60).start(["metrics"], update=True)


def test_a_job_launched_from_here_begins_with_a_snapshot(cloud: Cloud) -> None:
    cloud.dataflow.snapshots["s-1"] = {"id": "s-1", "state": "READY"}
    cloud.engine(gcp__launch="direct").start(["metrics"], snapshot="s-1")
    assert cloud.created()[-1].body["createdFromSnapshotId"] == "s-1"


def test_rows_travel_alone_to_a_subscription_that_writes_tables(cloud: Cloud) -> None:
    _, graph = submitted(cloud, "metrics", gcp__sink="subscription")
    names = {one.unique_name for one in graph.components.transforms.values()}
    assert any("OneRowEach" in name for name in names)


def test_dataflow_refuses_in_one_sentence(cloud: Cloud) -> None:
    create = "dataflow.projects.locations.jobs.create"
    cloud.server.reply(create, Refusal(403, "Permission 'dataflow.jobs.create' denied"))
    with pytest.raises(FsictlError, match=r"^you may not launch the job of metrics: Permission 'dataflow"):
        cloud.engine(gcp__launch="direct").start(["metrics"])
    cloud.server.reply(create, lambda request: {"id": "1", "name": "fsictl-metrics", "clientRequestId": "another"})
    with pytest.raises(BusyError, match="metrics already runs on Dataflow"):
        cloud.engine(gcp__launch="direct").start(["metrics"])


def template_arguments(cloud: Cloud, name: str, **more: str) -> list[str]:
    """What the launcher of a Flex Template gives the program: parameters, the environment, where to write the job."""
    cloud.engine(metrics__window=120).start([name])
    launched = cloud.launches()[-1]
    given = {
        **launched["parameters"],
        "project": PROJECT,
        "region": "europe-west1",
        "job_name": launched["jobName"],
        "temp_location": launched["environment"]["tempLocation"],
        "staging_location": launched["environment"]["stagingLocation"],
        "sdk_container_image": launched["environment"]["sdkContainerImage"],
        "template_location": f"gs://{PROJECT}-fsictl/dataflow/staging/job.json",
        "dataflow_endpoint": cloud.server.address,
        **more,
    }
    return [*(f"--{key}={value}" for key, value in given.items()), "--no_auth"]


@pytest.mark.parametrize("name", ["metrics", "infer", "sink"])
def test_the_template_makes_the_same_graph(cloud: Cloud, name: str) -> None:
    beam.launch(template_arguments(cloud, name, **{SNAPSHOT_PARAMETER: "s-1"}))
    job = json.loads(cloud.storage.under("dataflow/staging/")["job.json"])
    assert job["createdFromSnapshotId"] == "s-1"
    assert cloud.created() == []  # the launcher begins it
    options = job["environment"]["sdkPipelineOptions"]["options"]
    bucket, _, graph = options["pipelineUrl"].removeprefix("gs://").partition("/")
    staged = beam_runner_api_pb2.Pipeline.FromString(cloud.storage.objects[bucket, graph])
    wanted = beam.graph(name, cloud_settings(metrics__window=120))
    assert beam.kept_steps(staged) == wanted.steps
    assert options["save_main_session"] is False


def test_the_template_says_what_it_was_not_given(cloud: Cloud) -> None:
    with pytest.raises(UsageError, match="--gcp_project is missing"):
        beam.launch(["--pipeline=metrics"])
    with pytest.raises(FsictlError, match=r"metrics\.window is '1' \(from FSICTL_METRICS_WINDOW\)"):
        beam.launch(["--pipeline=metrics", "--gcp_project=p", "--metrics_window=1"])
