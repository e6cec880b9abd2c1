"""The whole configuration, with every optional part, by the real Terraform: up, nothing to change, parked, down."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.infra.offline import CLOUD_RUN, EVERYTHING, PROJECT, Ended, Offline

from fsictl.backends.gcp import names
from fsictl.records.schemas import TABLES

Make = Callable[[str], Offline]

REGION, PREFIX = "europe-west1", "fsictl"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def up(working_directory: Make) -> Offline:
    """Everything is up."""
    terraform = working_directory("lifecycle")
    planned = terraform.plan(**EVERYTHING)
    assert planned.code == 2, planned.problems
    applied = terraform.apply_plan()
    assert applied.code == 0, applied.problems
    assert applied.changes == planned.changes
    assert len(list(terraform.cloud.iterdir())) == applied.changes["add"] > 100
    return terraform


def actions(planned: Ended) -> dict[str, str]:
    """What the plan does to each resource."""
    changes = [event["change"] for event in planned.events if event["type"] == "planned_change"]
    return {change["resource"]["addr"]: change["action"] for change in changes}


def state(terraform: Offline) -> dict[str, dict[str, Any]]:
    """The values of every resource, by its address."""
    return {resource["address"]: resource["values"] for resource in terraform.remembered()}


def test_applying_twice_changes_nothing(up: Offline) -> None:
    assert up.plan(**EVERYTHING).code == 0


def test_the_outputs_are_what_the_programs_look_for(up: Offline) -> None:
    outputs = up.outputs()
    topics = {topic: f"projects/{PROJECT}/topics/{names.topic_id(PREFIX, topic)}" for topic in names.READERS}
    assert outputs["topics"] == topics
    assert outputs["subscriptions"] == {
        f"{topic}/{reader}": f"projects/{PROJECT}/subscriptions/{names.subscription_id(PREFIX, topic, reader)}"
        for topic, readers in names.READERS.items()
        for reader in readers
    }
    assert outputs["undeliverable"] == {
        topic: f"projects/{PROJECT}/subscriptions/{names.undeliverable_subscription_id(PREFIX, topic)}"
        for topic, readers in names.READERS.items()
        if set(readers) - {names.HELD}
    }
    undeliverable = {
        values["name"]
        for address, values in state(up).items()
        if address.startswith("google_pubsub_topic.undeliverable")
    }
    assert undeliverable == {names.undeliverable_topic_id(PREFIX, topic) for topic in outputs["undeliverable"]}
    assert outputs["service_accounts"] == {
        component: names.account_email(PROJECT, PREFIX, component) for component in names.COMPONENTS
    }
    assert outputs["bucket"] == names.bucket_name(None, PROJECT, PREFIX)
    assert outputs["images"] == {image: names.image(REGION, PROJECT, PREFIX, image, "0.1.0") for image in names.IMAGES}
    assert outputs["tables"] == {table: f"{PROJECT}.forex.{table}" for table in TABLES}
    assert (outputs["dataset"], outputs["views_dataset"]) == ("forex", "forex_current")


def test_every_other_output_has_a_value(up: Offline) -> None:
    outputs = up.outputs()
    assert not {name for name, value in outputs.items() if value in ("", [], {})}
    declared = set(re.findall(r'^output "(\w+)"', (up.module / "outputs.tf").read_text(encoding="utf-8"), re.MULTILINE))
    assert declared - set(outputs) == {"invoker_url", "workers"}  # with a cluster neither is on Cloud Run
    assert outputs["subnetwork"] == "regions/europe-west1/subnetworks/fsictl-europe-west1"
    assert outputs["database"] == "demo-project:europe-west1:fsictl-metadata"
    assert outputs["jobs"] == outputs["schedules"] == {"sql": "fsictl-sql"}
    assert outputs["labels"] == {"team": "markets", "app": "fsictl", "system": "fsictl", "managed-by": "terraform"}
    assert (
        outputs["build_account"]
        == f"projects/{PROJECT}/serviceAccounts/{names.account_email(PROJECT, PREFIX, 'builder')}"
    )


def test_no_output_and_no_state_has_a_secret(up: Offline) -> None:
    outputs = json.loads(up.run("output", "-json").text)
    assert not [name for name, output in outputs.items() if output["sensitive"]]
    assert not {address for address in state(up) if "secret_version" in address or "account_key" in address}


def test_a_thing_that_was_removed_outside_is_made_again(up: Offline) -> None:
    gone = next(up.cloud.glob("google_pubsub_subscription.*"))
    gone.unlink()
    applied = up.apply(**EVERYTHING)
    assert applied.code == 0, applied.problems
    assert list(actions(applied).values()) == ["create"]
    assert gone.is_file()


def test_parking_removes_the_cluster_alone_and_coming_back_makes_it_again(up: Offline) -> None:
    before = state(up)
    planned = up.plan(**EVERYTHING, parked=True)
    assert planned.code == 2, planned.problems
    doing = actions(planned)
    assert {address for address, action in doing.items() if action == "delete"} == {
        address for address in before if address.startswith("module.gke")
    }
    assert {address.split("[")[0] for address, action in doing.items() if action == "update"} == {
        "google_cloud_run_v2_worker_pool.generator",
        "google_cloud_run_v2_service.grafana",
        "google_cloud_scheduler_job.workload",
        "google_sql_database_instance.metadata",
        "google_monitoring_alert_policy.alarm",
    }
    assert set(doing.values()) == {"delete", "update"}

    assert up.apply_plan().code == 0
    assert up.plan(**EVERYTHING, parked=True).code == 0
    outputs = up.outputs()
    assert outputs["parked"] is True
    assert "cluster" not in outputs

    assert up.apply(**EVERYTHING).code == 0
    assert set(state(up)) == set(before)


def test_down_is_refused_while_protected_and_leaves_nothing_afterwards(up: Offline) -> None:
    """Terraform asks the provider only when it comes to a thing: what is not protected goes, what holds data stays."""
    before = set(state(up))
    refused = up.destroy(**EVERYTHING)
    assert refused.code == 1
    assert any("PREVENT" in problem for problem in refused.problems)
    assert any("deletion_protection" in problem for problem in refused.problems)
    holds_data = re.compile(
        r"google_(storage_bucket\.|sql_database_instance|pubsub_topic\.topic|bigquery_table\.table)"
    )
    kept = {address for address in before if holds_data.match(address)}
    assert len(kept) > len(TABLES) + len(names.READERS)
    assert kept <= set(state(up)) < before

    assert up.apply(**EVERYTHING, deletion_protection=False).code == 0
    ended = up.destroy(**EVERYTHING, deletion_protection=False)
    assert ended.code == 0, ended.problems
    assert state(up) == {}
    assert list(up.cloud.iterdir()) == []


def test_what_failed_in_the_middle_is_finished_by_the_next_run(working_directory: Make) -> None:
    terraform = working_directory("half")
    terraform.extra["STAND_IN_FAIL"] = "create google_bigquery_dataset, create google_pubsub_subscription"
    assert terraform.apply().code == 1
    half = len(list(terraform.cloud.iterdir()))
    assert 0 < half == len(state(terraform))

    terraform.extra.clear()
    assert terraform.apply().code == 0
    assert terraform.plan().code == 0
    assert len(list(terraform.cloud.iterdir())) == len(state(terraform)) > half


def test_what_somebody_else_made_is_not_taken_over(working_directory: Make) -> None:
    """Two systems of one prefix would read each other's messages."""
    terraform = working_directory("taken")
    assert terraform.apply(**CLOUD_RUN).code == 0
    outputs = terraform.outputs()
    assert outputs["invoker_url"].startswith("https://fsictl-invoker-")
    assert (outputs["workers"], set(outputs["jobs"])) == ("fsictl-workloads", {"train", "sql"})
    (terraform.module / "terraform.tfstate").unlink()
    ended = terraform.apply(**CLOUD_RUN)
    assert ended.code == 1
    assert any("Error 409" in problem for problem in ended.problems)
