"""Who may do what when everything is on: by plan, resource for resource."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tests.infra.offline import PROJECT, Offline

from fsictl.backends.gcp import names
from fsictl.records.schemas import TABLES

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "infra.md"

ON_PROJECT = {
    "worker": {"roles/dataflow.worker", "roles/bigquery.jobUser", f"projects/{PROJECT}/roles/fsictl_watermark"},
    "trainer": {
        "roles/bigquery.jobUser",
        "roles/bigquery.readSessionUser",
        "roles/aiplatform.user",
        "roles/cloudsql.client",
        "roles/cloudsql.instanceUser",
    },
    "sql": {"roles/bigquery.jobUser"},
    "invoker": {"roles/bigquery.jobUser"},
    "grafana": {"roles/bigquery.jobUser", "roles/monitoring.viewer"},
    "builder": {"roles/logging.logWriter"},
    "nodes": {"roles/container.defaultNodeServiceAccount"},
}
"""Everything that is granted on the whole project. A role is added here only when it cannot be granted on a thing."""

LABELS = ("terraform_labels", "user_labels", "resource_labels")
"""Where a resource has its labels; terraform_labels are its own and the provider's together."""

pytestmark = pytest.mark.slow

Resource = dict[str, Any]


@pytest.fixture(scope="module")
def applied(everything_up: Offline) -> list[Resource]:
    """Every resource after apply, so that members are known."""
    return everything_up.remembered()


@pytest.fixture(scope="module")
def grants(applied: list[Resource]) -> list[Resource]:
    """Every grant."""
    return [resource for resource in applied if resource["type"].endswith("_iam_member")]


def component(member: str) -> str:
    """Whose account it is, without the prefix; the member itself where it is none of ours."""
    ours = re.fullmatch(rf"serviceAccount:fsictl-(\w+)@{PROJECT}\.iam\.gserviceaccount\.com", member)
    return ours[1] if ours else member


def test_grants_are_added_one_by_one_and_no_key_is_made(applied: list[Resource]) -> None:
    kinds = {resource["type"] for resource in applied}
    assert not {kind for kind in kinds if "_iam_" in kind and not kind.endswith(("_iam_member", "_iam_custom_role"))}
    assert not {kind for kind in kinds if "key" in kind} - {"google_kms_crypto_key_iam_member"}


def test_every_component_has_an_account_of_its_own(applied: list[Resource]) -> None:
    accounts = {each["values"]["account_id"] for each in applied if each["type"] == "google_service_account"}
    assert accounts == {names.account_id("fsictl", each) for each in names.COMPONENTS} | {"fsictl-nodes"}


def test_what_is_granted_on_the_project_is_known(grants: list[Resource]) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for grant in grants:
        if grant["type"] == "google_project_iam_member":
            found[component(grant["values"]["member"])].add(grant["values"]["role"])
    assert found == ON_PROJECT


def test_no_role_is_sweeping(grants: list[Resource]) -> None:
    sweeping = re.compile(
        r"roles/(owner|editor|viewer|.*[aA]dmin|iam\.serviceAccount(User|TokenCreator)|pubsub\.editor)"
    )
    assert not [grant["address"] for grant in grants if sweeping.fullmatch(grant["values"]["role"])]


def test_nobody_without_a_name_is_let_in(grants: list[Resource]) -> None:
    assert not [grant for grant in grants if grant["values"]["member"] in ("allUsers", "allAuthenticatedUsers")]


def test_pods_alone_act_as_an_account(grants: list[Resource]) -> None:
    acting = [grant["values"] for grant in grants if grant["type"] == "google_service_account_iam_member"]
    assert {(values["member"], values["role"]) for values in acting} == {
        (f"serviceAccount:{PROJECT}.svc.id.goog[fsictl/{who}]", "roles/iam.workloadIdentityUser")
        for who in ("invoker", "trainer")
    }


def test_the_role_for_watermarks_is_for_subscriptions_of_the_prefix(applied: list[Resource]) -> None:
    role = next(each["values"] for each in applied if each["type"] == "google_project_iam_custom_role")
    assert {permission.rpartition(".")[0] for permission in role["permissions"]} == {"pubsub.subscriptions"}
    grant = next(each["values"] for each in applied if each["address"] == "google_project_iam_member.watermark")
    assert grant["condition"][0]["expression"] == (
        f'resource.name.startsWith("projects/{PROJECT}/subscriptions/fsictl-")'
    )


def test_only_those_who_write_may_write(grants: list[Resource]) -> None:
    writes = [grant["values"] for grant in grants if grant["values"]["role"] == "roles/bigquery.dataEditor"]
    whole = {component(values["member"]) for values in writes if "table_id" not in values}
    single = {(component(values["member"]), values["table_id"]) for values in writes if "table_id" in values}
    assert whole == {"worker", "sql", "trainer"}  # the last because a worker is on, which makes marts
    tables = {"calibrations", "training_runs", "scorecards", "promotions", "job_events"} & set(TABLES)
    assert single == {("trainer", table) for table in tables} | {
        ("invoker", table) for table in {"job_events"} & tables
    }
    publishes = [grant["values"] for grant in grants if grant["values"]["role"] == "roles/pubsub.publisher"]
    prices = {component(values["member"]) for values in publishes if values["topic"].endswith("/fsictl-prices")}
    assert prices == {"generator"}


def test_the_document_names_every_right_of_every_account(grants: list[Resource]) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", text.partition("## Who may do what")[2], re.MULTILINE))
    for grant in grants:
        who, role = component(grant["values"]["member"]), grant["values"]["role"]
        if who in rows and "custom" not in role and "/roles/fsictl_" not in role:
            assert f"`{role.removeprefix('roles/')}`" in rows[who], (who, role)
    granted = {component(grant["values"]["member"]) for grant in grants}
    assert set(rows) == {who for who in granted if ":" not in who}


def test_everything_that_takes_labels_has_ours(applied: list[Resource]) -> None:
    ours = {"team": "markets", "app": "fsictl", "system": "fsictl", "managed-by": "terraform"}
    without = []
    for resource in applied:
        places = [resource["values"], *(resource["values"].get("settings") or [])]
        labels = [place[kind] for place in places for kind in LABELS if kind in place]
        without += [resource["address"] for found in labels if not ours.items() <= (found or {}).items()]
    assert without == []
