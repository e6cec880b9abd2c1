"""What `doctor` looks at on Google Cloud: a good project passes, and every fault has one sentence and one fix."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

pytest.importorskip("google.auth")

from tests.contract.cloud import Project, Storage
from tests.contract.dataflow import cloud_settings, needs_documents
from tests.contract.server import ContractServer, Refusal, contract_server

from fsictl.backends.gcp.checks import Check
from fsictl.backends.gcp.control import ENDPOINT_VARIABLE
from fsictl.cli.cloud import cloud_checks
from fsictl.clock import ManualClock

pytestmark = needs_documents


@dataclass
class Doctor:
    """A project behind a contract server, and who looks at it."""

    server: ContractServer
    project: Project = field(default_factory=Project)

    def __call__(self, **changed: object) -> dict[str, Check]:
        """Every check by name."""
        environment = {ENDPOINT_VARIABLE: self.server.address}
        return {one.name: one for one in cloud_checks(cloud_settings(**changed), environment, ManualClock())}


@pytest.fixture(name="doctor")
def doctor_here() -> Iterator[Doctor]:
    names = ("cloudresourcemanager.v3", "serviceusage.v1", "compute.v1", "storage.v1", "pubsub.v1")
    with contract_server(*names) as server:
        doctor = Doctor(server)
        doctor.project.serve(server)
        Storage().serve(server)
        yield doctor
        assert server.violations == []


def test_a_good_project_passes_every_check(doctor: Doctor) -> None:
    found = doctor()
    assert list(found) == [
        "credentials",
        "project",
        "APIs",
        "permissions",
        "region",
        "quota DISKS_TOTAL_GB",
        "quota INSTANCES",
        "quota N2_CPUS",
        "bucket",
        "network",
        "subscriptions",
    ]
    assert all(one.ok for one in found.values()), found
    assert found["quota N2_CPUS"].found == "24 of 24 free; the jobs take 6 to 18"


def a_deleted_project(doctor: Doctor) -> None:
    doctor.project.state = "DELETE_REQUESTED"


def another_project(doctor: Doctor) -> None:
    doctor.project.name = "somebody-elses"


def a_disabled_api(doctor: Doctor) -> None:
    doctor.project.disabled = {"dataflow"}


def a_missing_permission(doctor: Doctor) -> None:
    doctor.project.denied = {"dataflow.jobs.create"}


def another_region(doctor: Doctor) -> None:
    doctor.project.region = "europe-west4"


def a_small_quota(doctor: Doctor) -> None:
    doctor.project.quotas["N2_CPUS"] = (8.0, 4.0)


def a_closed_subnetwork(doctor: Doctor) -> None:
    doctor.project.private_access = False


def a_missing_subscription(doctor: Doctor) -> None:
    doctor.project.missing = {"fsictl-metrics-infer"}


def a_missing_bucket(doctor: Doctor) -> None:
    doctor.server.reply("storage.buckets.get", Refusal(404, "The specified bucket does not exist."))


@pytest.mark.parametrize(
    ("fault", "check", "found", "do"),
    [
        (a_deleted_project, "project", "my-project is delete requested", "gcloud projects list"),
        (another_project, "project", "you may not look at project my-project", "gcloud projects list"),
        (a_disabled_api, "API dataflow", "not enabled", "gcloud services enable dataflow.googleapis.com"),
        (a_missing_permission, "dataflow.developer", "missing: dataflow.jobs.create", "add-iam-policy-binding"),
        (another_region, "region", "regions/europe-west1", "gcloud compute regions list"),
        (a_small_quota, "quota N2_CPUS", "4 of 8 free; the jobs take 6 to 18", "ask for more"),
        (a_closed_subnetwork, "network", "could not reach Google's services", "--enable-private-ip-google-access"),
        (a_missing_subscription, "subscriptions", "missing: fsictl-metrics-infer", "fsictl infra up"),
        (a_missing_bucket, "bucket", "there is nothing of that name", "fsictl infra up"),
    ],
)
def test_a_fault_is_one_check_with_one_fix(
    doctor: Doctor, fault: Callable[[Doctor], None], check: str, found: str, do: str
) -> None:
    fault(doctor)
    wrong = [one for one in doctor().values() if not one.ok]
    assert [one.name for one in wrong] == [check]
    assert found in wrong[0].found
    assert do in wrong[0].do
    assert "\n" not in wrong[0].found + wrong[0].do


@pytest.mark.parametrize(
    ("refusal", "found", "do"),
    [
        (
            Refusal(
                403, "Compute Engine API has not been used", "SERVICE_DISABLED", {"service": "compute.googleapis.com"}
            ),
            "compute.googleapis.com is not enabled in the project my-project",
            "gcloud services enable compute.googleapis.com --project my-project",
        ),
        (Refusal(403, "Required 'compute.regions.get' permission"), "you may not look at the region", "doctor"),
        (Refusal(403, "Quota exceeded for quota metric 'Queries'"), "a quota is used up", "Wait a minute"),
        (Refusal(429, "Too many requests"), "a quota is used up", "Wait a minute"),
        (Refusal(503, "The service is currently unavailable."), "Google Cloud is not available (503", "Try again"),
        (
            Refusal(401, "Request had invalid credentials"),
            "no credentials of Google Cloud",
            "gcloud auth application-default",
        ),
    ],
)
def test_what_cannot_be_asked_is_a_check_that_failed_and_the_others_go_on(
    doctor: Doctor, refusal: Refusal, found: str, do: str
) -> None:
    doctor.server.reply("compute.regions.get", refusal)
    checks = doctor()
    wrong = [one for one in checks.values() if not one.ok]
    assert [one.name for one in wrong] == ["region"]
    assert found in wrong[0].found
    assert do in wrong[0].do
    assert "subscriptions" in checks


def test_a_network_that_refuses_is_said_once(doctor: Doctor) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        environment = {ENDPOINT_VARIABLE: f"http://127.0.0.1:{closed.getsockname()[1]}"}
        credentials, project = cloud_checks(cloud_settings(), environment, ManualClock())
    assert credentials.ok
    assert "Google Cloud cannot be reached (ConnectionError)" in project.found
    assert "network" in project.do


def test_without_credentials_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    (check,) = cloud_checks(cloud_settings(), {}, ManualClock())
    assert (check.name, check.ok) == ("credentials", False)
    assert check.found == "there are no credentials of Google Cloud on this machine"
    assert "gcloud auth application-default login" in check.do


def test_public_workers_need_addresses_and_other_machines_other_quotas(doctor: Doctor) -> None:
    doctor.project.quotas = {"IN_USE_ADDRESSES": (2.0, 0.0), "CPUS": (12.0, 0.0), "N2_CPUS": (1.0, 1.0)}
    found = doctor(gcp__addresses="public", gcp__machine_type="e2-standard-4", gcp__network="default")
    assert not found["quota IN_USE_ADDRESSES"].ok
    assert found["quota CPUS"].found == "12 of 12 free; the jobs take 12 to 36"
    assert "quota N2_CPUS" not in found
    assert found["network"].ok
