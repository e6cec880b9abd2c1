"""`fsictl infra` as people run it: with the real Terraform, on a small configuration that needs no provider."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import emulators
from tests.e2e.conftest import SOURCE, Fsictl, eventually
from tests.infra.offline import ENVIRONMENT, EVERYTHING, MISSING, environment_exists, mirror, schema_of
from tests.ports import free_port

from fsictl.backends.gcp.names import READERS, account_email, bucket_name, subscription_id, topic_id
from fsictl.infra import local
from fsictl.template_files import template_folder

pytestmark = pytest.mark.e2e

needs_terraform = pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform on the PATH")

CONFIGURATION = """
variable "project" { type = string }
variable "parked" { default = false }
variable "deletion_protection" { default = true }
variable "seconds" { default = 0 }
variable "billing_account" { default = null }
variable "monthly_budget" {
  default = null
  validation {
    condition     = var.monthly_budget == null || var.billing_account != null
    error_message = "A budget needs billing_account: the account that pays for the project."
  }
}
resource "terraform_data" "topic" {
  for_each = toset(["prices", "metrics"])
  input    = each.key
}
resource "terraform_data" "table" {
  input = { deletion_protection = var.deletion_protection }
}
resource "terraform_data" "generator" {
  count      = var.parked ? 0 : 1
  input      = "generator"
  depends_on = [terraform_data.topic]
  provisioner "local-exec" {
    command = "touch begun; sleep ${var.seconds}"
  }
}
output "project" { value = var.project }
output "topics" { value = { for name, topic in terraform_data.topic : name => topic.input } }
output "password" {
  value     = "hunter2"
  sensitive = true
}
"""

CLOUD = {
    "FSICTL_TARGET": "gcp",
    "FSICTL_GCP_PROJECT": "demo-project",
    "FSICTL_GCP_STATE": "local",
    "TF_CLI_CONFIG_FILE": os.devnull,
}


class Cloud:
    """`fsictl infra` on the target gcp, with that configuration and a state in the workspace."""

    def __init__(self, fsictl: Fsictl) -> None:
        self.fsictl = fsictl
        self.source = fsictl.directory / "configuration"
        self.source.mkdir()
        (self.source / "main.tf").write_text(CONFIGURATION)
        self.folder = fsictl.directory / ".fsictl" / "terraform"

    def arguments(self, verb: str, *options: object) -> list[object]:
        jobs = ["--without-jobs"] if verb in {"park", "down"} else []
        return ["infra", verb, "--configuration", self.source, *jobs, *options]

    def __call__(self, verb: str, *options: object, code: int = 0, **environment: str):  # type: ignore[no-untyped-def]
        return self.fsictl(*self.arguments(verb, *options), code=code, env={**CLOUD, **environment})

    def start(self, verb: str, *options: object, **environment: str) -> subprocess.Popen[str]:
        return self.fsictl.start(*self.arguments(verb, *options), env={**CLOUD, **environment})

    def slow(self, seconds: int) -> None:
        """What is made takes so long."""
        self.fsictl.write("fsictl.tfvars", f"seconds = {seconds}\n")

    def begun(self) -> None:
        """Wait until the slow resource is being made."""
        eventually((self.folder / "begun").exists, "it is being made")
        (self.folder / "begun").unlink()

    def state(self) -> list[str]:
        """The addresses in the state, read without Terraform."""
        state = json.loads((self.folder / "terraform.tfstate").read_text())
        return sorted(f"{one['type']}.{one['name']}" for one in state["resources"] if one["instances"])


@pytest.fixture
def cloud(fsictl: Fsictl) -> Cloud:
    return Cloud(fsictl)


@needs_terraform
def test_from_nothing_to_nothing(cloud: Cloud) -> None:
    planned = cloud("plan", "--json").json
    assert planned["summary"]["create"] == 4
    assert planned["changes"][0] == {
        "action": "create",
        "type": "terraform_data",
        "address": planned["changes"][0]["address"],
    }
    assert not (cloud.folder / "terraform.tfstate").exists()

    refused = cloud("up", code=2)
    assert "--yes" in refused.err

    made = cloud("up", "--yes")
    assert "terraform_data.table: created" in made.err
    assert "demo-project" in made.out
    again = cloud("up", "--yes", "--json").json
    assert (again["applied"], again["outputs"]) == (
        False,
        {"project": "demo-project", "topics": {"metrics": "metrics", "prices": "prices"}},
    )
    assert "hunter2" not in cloud("outputs").out

    parked = cloud("park", "--yes", "--json").json
    assert (parked["destroy"], parked["create"], parked["change"]) == (1, 0, 0)
    assert cloud("plan", "--for", "park", "--json").json["changes"] == []
    assert cloud("plan", "--json").json["summary"]["create"] == 1

    protected = cloud("down", "--yes", code=3)
    assert "1 of 3 resources are protected: terraform_data.table" in protected.err
    gone = cloud("down", "--yes", "--unprotect", "--json").json
    assert (gone["applied"], gone["destroy"]) == (True, 3)
    assert cloud.state() == []
    assert cloud("down", "--yes", "--json").json["applied"] is False
    assert list(cloud.folder.glob("*.tfplan")) == []


@needs_terraform
def test_one_interrupt_leaves_no_lock_and_what_was_made_is_known(cloud: Cloud) -> None:
    cloud.slow(60)
    up = cloud.start("up", "--yes")
    cloud.begun()
    up.send_signal(signal.SIGINT)
    _, err = up.communicate(timeout=60)
    assert up.returncode == 130, err
    assert err.count("Terraform ends what it has begun") == 1
    assert "Traceback" not in err
    assert "terraform_data.topic" in cloud.state()

    cloud.slow(0)
    assert cloud("up", "--yes", "--json").json["applied"]  # no lock is left, and it goes on
    assert cloud("plan", "--json").json["changes"] == []


@pytest.mark.skipif(not environment_exists(), reason=MISSING)
def test_the_terraform_that_python_brings_along_is_interrupted_as_the_binary_is(cloud: Cloud) -> None:
    programs = cloud.fsictl.directory / "programs"
    programs.mkdir()
    script = programs / "terraform"
    python = ENVIRONMENT / "bin" / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{SOURCE}" exec "{python}" -P -m fsictl.infra.bundled "$@"\n')
    script.chmod(0o755)
    bundled = {"PATH": f"{programs}:/usr/bin:/bin"}

    cloud.slow(60)
    up = cloud.start("up", "--yes", **bundled)
    cloud.begun()
    up.send_signal(signal.SIGINT)
    _, err = up.communicate(timeout=60)
    assert up.returncode == 130, err
    assert "terraform_data.topic" in cloud.state()
    assert not (cloud.folder / ".terraform.tfstate.lock.info").exists()
    cloud.slow(0)
    assert cloud("up", "--yes", "--json", **bundled).json["applied"]


@needs_terraform
def test_a_run_that_is_told_to_end_ends_as_after_an_interrupt(cloud: Cloud) -> None:
    cloud.slow(60)
    up = cloud.start("up", "--yes")
    cloud.begun()
    up.send_signal(signal.SIGTERM)
    up.send_signal(signal.SIGTERM)
    _, err = up.communicate(timeout=60)
    assert up.returncode == 130, err
    assert "terraform_data.topic" in cloud.state()


@needs_terraform
def test_terraform_killed_in_the_middle_then_up_and_down(cloud: Cloud) -> None:
    cloud.slow(60)
    up = cloud.start("up", "--yes")
    cloud.begun()
    found = [pid for pid, line in cloud.fsictl.processes().items() if "terraform" in line and "apply" in line]
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    _, err = up.communicate(timeout=60)
    assert up.returncode == 4, err
    assert "Terraform was ended from outside (signal 9)" in err
    assert "Traceback" not in err
    for pid in cloud.fsictl.processes():  # what Terraform had started
        os.kill(pid, signal.SIGKILL)

    cloud.slow(0)
    assert cloud("up", "--yes", "--json").json["applied"]
    assert cloud("plan", "--json").json["changes"] == []
    assert cloud("down", "--yes", "--unprotect", "--json").json["applied"]
    assert cloud.state() == []


@needs_terraform
def test_fsictl_killed_in_the_middle_and_terraform_goes_on_to_its_end(cloud: Cloud) -> None:
    cloud.slow(2)
    up = cloud.start("up", "--yes")
    cloud.begun()
    up.kill()
    up.communicate(timeout=60)
    eventually(lambda: not cloud.fsictl.processes(), "Terraform has ended")
    assert cloud.state() == ["terraform_data.generator", "terraform_data.table", "terraform_data.topic"]
    assert cloud("plan", "--json").json["changes"] == []
    assert list(cloud.folder.glob("*.tfplan")) == []


@needs_terraform
def test_a_half_made_state_can_go_down_at_once(cloud: Cloud) -> None:
    cloud.fsictl.write("fsictl.tfvars", 'seconds = "0; exit 3"\n')
    failed = cloud("up", "--yes", code=4)
    assert "terraform_data.generator[0]: create failed" in failed.err
    assert cloud.state() == ["terraform_data.generator", "terraform_data.table", "terraform_data.topic"]
    assert cloud("down", "--yes", "--unprotect", "--json").json["applied"]
    assert cloud.state() == []


@needs_terraform
def test_two_do_not_work_in_one_workspace(cloud: Cloud) -> None:
    cloud.slow(60)
    other = cloud.start("up", "--yes")
    cloud.begun()
    assert "Another fsictl infra works in" in cloud("plan", code=3).err
    other.send_signal(signal.SIGINT)
    other.communicate(timeout=60)


@pytest.fixture
def bucket(fsictl: Fsictl) -> Iterator[dict[str, str]]:
    """A Cloud Storage on loopback: the variables by which Terraform and Google's library find it."""
    try:
        command = emulators._storage_command()
    except emulators.MissingEmulatorError as missing:
        pytest.skip(str(missing))
    port = free_port()
    with subprocess.Popen([*command, f"-port={port}", f"-public-host=127.0.0.1:{port}"]) as server:
        emulators._await(f"http://127.0.0.1:{port}/storage/v1/b?project=demo-project", [server])
        yield {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "FSICTL_GCP_STATE": "bucket"}
        server.kill()


@needs_terraform
def test_a_state_in_a_bucket_with_its_lock(cloud: Cloud, bucket: dict[str, str]) -> None:
    (cloud.source / "backend.tf").write_text('terraform {\n  backend "gcs" {}\n}\n')
    assert "fsictl infra bootstrap" in cloud("plan", code=3, **bucket).err
    assert "--yes" in cloud.fsictl("infra", "bootstrap", env={**CLOUD, **bucket}, code=2).err
    made = cloud.fsictl("infra", "bootstrap", "--yes", "--json", env={**CLOUD, **bucket}).json
    assert made == {"bucket": "demo-project-fsictl-terraform", "made": True}
    assert not cloud.fsictl("infra", "bootstrap", "--yes", "--json", env={**CLOUD, **bucket}).json["made"]

    cloud.slow(60)
    up = cloud.start("up", "--yes", **bucket)
    cloud.begun()
    elsewhere = cloud.fsictl.directory / "elsewhere"
    elsewhere.mkdir()
    locked = cloud("plan", "--workspace", elsewhere, code=3, **bucket)
    assert "The state is locked by" in locked.err
    for pid, line in cloud.fsictl.processes().items():
        if " apply -json " in line:
            os.kill(pid, signal.SIGKILL)
    up.communicate(timeout=60)
    for pid in cloud.fsictl.processes():  # what Terraform had started
        os.kill(pid, signal.SIGKILL)

    cloud.slow(0)
    still = cloud("up", "--yes", code=3, **bucket).err  # a lock in a bucket outlives who held it
    assert "The state is locked by" in still
    lock = still.split("fsictl infra unlock ")[1].split("`")[0]
    assert cloud("unlock", lock, "--json", **bucket).json == {"unlocked": lock}
    assert cloud("up", "--yes", "--json", **bucket).json["applied"]
    assert cloud("plan", "--workspace", elsewhere, "--json", **bucket).json["changes"] == []
    assert not list(cloud.folder.glob("*.tfstate"))
    assert cloud("down", "--yes", "--unprotect", "--json", **bucket).json["applied"]


@needs_terraform
def test_states_that_this_terraform_cannot_read(cloud: Cloud) -> None:
    cloud("up", "--yes")
    file = cloud.folder / "terraform.tfstate"
    good = file.read_text()
    file.write_text(good.replace('"version": 4', '"version": 5'))
    assert "newer Terraform" in cloud("plan", code=3).err
    file.write_text(good[:200])
    assert "is damaged" in cloud("plan", code=3).err
    file.write_text(good)
    assert cloud("plan", "--json").json["changes"] == []


@needs_terraform
def test_what_was_destroyed_outside_is_made_again(cloud: Cloud) -> None:
    cloud("up", "--yes")
    subprocess.run(
        [str(shutil.which("terraform")), "state", "rm", 'terraform_data.topic["prices"]'],
        cwd=cloud.folder,
        check=True,
        capture_output=True,
        env={**os.environ, **CLOUD},
    )
    assert cloud("plan", "--json").json["summary"]["create"] == 1
    assert cloud("up", "--yes", "--json").json["create"] == 1


@needs_terraform
@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        ([], {"FSICTL_GCP_PROJECT": "My Project"}, "cannot be a project id"),
        ([], {"FSICTL_GCP_REGION": "europe-west1-b"}, "not a region of Google Cloud"),
        ([], {"FSICTL_GCP_REGION": "northamerica-south1"}, "no Vertex AI"),
        (["--var-file", "nowhere.tfvars"], {}, "no file of variables nowhere.tfvars"),
        (["--var-file", "budget.tfvars"], {}, "no billing account is given"),
        (["--var-file", "broken.tfvars"], {}, "broken.tfvars line 1"),
        (["--configuration", "."], {}, "no Terraform configuration"),
        ([], {"PATH": "/nowhere"}, "Terraform is not installed"),
    ],
)
def test_bad_input_is_one_sentence_and_what_to_do(
    cloud: Cloud, options: list[str], environment: dict[str, str], said: str
) -> None:
    cloud.fsictl.write("budget.tfvars", "monthly_budget = 100\n")
    cloud.fsictl.write("broken.tfvars", "monthly_budget = \n")
    assert said in cloud("plan", *options, code=3, **environment).err


@needs_terraform
@pytest.mark.slow
@pytest.mark.skipif(not environment_exists(), reason=MISSING)
def test_the_packaged_configuration_with_everything_on(fsictl: Fsictl) -> None:
    """A stand-in of the google provider makes it; every name that the programs look for is read back."""
    (fsictl.directory / "cloud").mkdir()
    environment = {
        **CLOUD,
        "TF_CLI_CONFIG_FILE": str(mirror(fsictl.directory)),
        "STAND_IN_SCHEMA": str(schema_of(template_folder("terraform"), fsictl.directory)),
        "STAND_IN_CLOUD": str(fsictl.directory / "cloud"),
    }
    fsictl.write("fsictl.tfvars.json", json.dumps({**EVERYTHING, "kms_key": None}))

    made = fsictl("infra", "up", "--yes", "--json", env=environment).json
    outputs = made["outputs"]
    assert made["create"] == len(list((fsictl.directory / "cloud").iterdir())) > 150
    assert outputs["bucket"] == bucket_name(None, "demo-project", "fsictl")
    for topic, readers in READERS.items():
        assert outputs["topics"][topic].endswith(f"/topics/{topic_id('fsictl', topic)}")
        for reader in readers:
            name = subscription_id("fsictl", topic, reader)
            assert outputs["subscriptions"][f"{topic}/{reader}"].endswith(f"/subscriptions/{name}")
    assert outputs["service_accounts"]["worker"] == account_email("demo-project", "fsictl", "worker")

    parked = fsictl("infra", "plan", "--for", "park", "--json", env=environment).json
    assert parked["summary"]["change"] > 0
    cost = fsictl("infra", "cost", *(f"--with={part}" for part in ("endpoint", "cloud-sql", "gke")), "--json").json
    assert parked["cost"]["idle_usd_per_month"] < 0.05 * cost["idle_usd_per_month"]

    bill = fsictl("infra", "cost", "--now", "--without-jobs", "--json", env=environment).json
    assert bill[0]["what"] in {"control plane", "fsictl-generator, always there"}
    assert sum(one["usd_per_month"] for one in bill) == pytest.approx(cost["idle_usd_per_month"], abs=0.1)

    protected = fsictl("infra", "down", "--yes", "--without-jobs", env=environment, code=3)
    assert "resources are protected" in protected.err


def test_a_project_is_needed(fsictl: Fsictl) -> None:
    assert "gcp.project is not set" in fsictl("infra", "plan", "--target", "gcp", code=3).err


def test_the_local_target_has_the_same_verbs(fsictl: Fsictl, prices: Path) -> None:
    assert fsictl("infra", "plan", "--json").json[0]["action"] == "create"
    assert fsictl("infra", "down", "--json").json["removed"] is None
    assert fsictl("infra", "up", "--json").json["made"]
    assert not fsictl("infra", "up", "--json").json["made"]
    fsictl("stream", "start", "--only", "metrics", "--only", "sink")
    fsictl("generate", "--replay", prices, "--speed", "max")

    refused = fsictl("infra", "down", code=2)
    assert "This stops metrics, sink and removes" in refused.err
    assert sorted(fsictl("infra", "park", "--json").json["stopped"]) == ["metrics", "sink"]
    assert fsictl.query("select count(*) n from metrics")[0]["n"] >= 1200

    fsictl("stream", "start", "--only", "metrics")
    publisher = fsictl.start("generate", "--symbols", "EURUSD")
    eventually(lambda: local._has_open(Path(f"/proc/{publisher.pid}"), fsictl.directory), "it publishes")
    assert "uses" in fsictl("infra", "down", "--yes", code=3).err
    publisher.terminate()
    publisher.communicate(timeout=60)
    fsictl("stream", "start", "--only", "metrics")
    gone = fsictl("infra", "down", "--yes", "--json").json
    assert gone["stopped"] == ["metrics"]
    assert gone["bytes"] > 10_000
    assert not (fsictl.directory / ".fsictl").exists()
    assert not fsictl.processes()


def test_the_workspace_is_not_removed_while_it_knows_what_is_on_the_cloud(fsictl: Fsictl) -> None:
    fsictl("infra", "up")
    (fsictl.directory / ".fsictl" / "terraform").mkdir()
    fsictl.write(".fsictl/terraform/terraform.tfstate", '{"resources": [{"type": "google_storage_bucket"}]}')
    assert "infra down --target gcp" in fsictl("infra", "down", "--yes", code=3).err


def test_a_workspace_that_others_can_read_is_said_to_be_wrong(fsictl: Fsictl) -> None:
    fsictl("infra", "up")
    (fsictl.directory / ".fsictl").chmod(0o755)
    assert "for this user alone" in fsictl("infra", "up", code=5).err
