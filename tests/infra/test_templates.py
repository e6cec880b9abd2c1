"""The templates as they are written: their form, what they hold, `terraform test`, and mistakes that must be found."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.infra.offline import Offline, provider_schema

from fsictl.template_files import template_folder

TEMPLATES = template_folder("terraform")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def terraform(working_directory: Callable[[str], Offline]) -> Offline:
    """One working directory for this module."""
    return working_directory("templates")


def test_the_form_is_terraforms(terraform: Offline) -> None:
    ended = terraform.run("fmt", "-check", "-recursive", "-diff", str(TEMPLATES))
    assert ended.code == 0, ended.text


def test_the_configuration_is_valid(terraform: Offline) -> None:
    """Against the schema of the whole provider."""
    terraform.extra["STAND_IN_SCHEMA"] = str(provider_schema())
    ended = terraform.run("validate", "-json")
    terraform.extra.clear()
    assert json.loads(ended.text)["diagnostics"] == []


def test_terraforms_own_tests_pass(terraform: Offline) -> None:
    ended = terraform.run("test", "-no-color")
    assert ended.code == 0, ended.text
    runs = re.findall(r'^run "', (TEMPLATES / "tests/behaviour.tftest.hcl").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"Success! {len(runs)} passed, 0 failed." in ended.text


def test_the_provider_is_the_one_the_templates_ask_for(terraform: Offline) -> None:
    lock = (terraform.module / ".terraform.lock.hcl").read_text(encoding="utf-8")
    assert 'version     = "8.7.0"' in lock
    assert 'constraints = "~> 8.7"' in lock


MISTAKES = {
    "unknown attribute": ("topics.tf", "ack_deadline_seconds  ", "ack_deadline_minutes  ", "Unsupported argument"),
    "unknown block": ("storage.tf", "soft_delete_policy {", "hard_delete_policy {", "Unsupported block type"),
    "unknown resource": ("network.tf", '"google_compute_firewall"', '"google_compute_wall"', "Invalid resource type"),
    "wrong type": ("services.tf", "max_instance_count = 1", 'max_instance_count = "one"', "Incorrect attribute value"),
    "missing required": ("budget.tf", "billing_account = var.billing_account\n", "", "Missing required argument"),
    "missing block": ("budget.tf", "  amount {", "  all_updates_rule {", "Insufficient amount blocks"),
    "two of one": ("storage.tf", "versioning {", "versioning {\n    enabled = true\n  }\n  versioning {", "Too many"),
    "reference to nothing": ("outputs.tf", "storage_bucket.main", "storage_bucket.a", "undeclared resource"),
    "reference to no attribute": ("outputs.tf", "bucket.main.name", "bucket.main.nickname", "Unsupported attribute"),
    "undeclared variable": ("network.tf", "${var.region}.", "${var.zone}.", "undeclared input variable"),
    "undocumented value": ("services.tf", "INGRESS_TRAFFIC_ALL", "INGRESS_TRAFFIC_SOME", "Value not documented"),
    "read-only attribute": ("accounts.tf", "account_id   =", 'email = "a@b.c"\n  account_id   =', "email"),
    "output of no module": ("outputs.tf", "module.gke[*].cluster", "module.gke[*].clusters", "Unsupported attribute"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(terraform: Offline, mistake: str) -> None:
    name, right, wrong, found = MISTAKES[mistake]
    path = terraform.module / name
    text = path.read_text(encoding="utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    try:
        ended = terraform.run("validate", "-json")
    finally:
        path.write_text(text, encoding="utf-8")
    problems = [f"{each['summary']}: {each.get('detail', '')}" for each in json.loads(ended.text)["diagnostics"]]
    assert ended.code == 1
    assert any(found in problem for problem in problems), problems


def test_another_provider_is_refused(terraform: Offline, tmp_path: Path) -> None:
    other = Offline(tmp_path, terraform.program, terraform.configuration, terraform.schema)
    shutil.copytree(TEMPLATES, other.module, ignore=shutil.ignore_patterns("tests", "modules"))
    versions = other.module / "versions.tf"
    versions.write_text(versions.read_text(encoding="utf-8").replace("~> 8.7", "~> 7.40"), encoding="utf-8")
    (other.module / "cluster.tf").unlink()
    (other.module / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
    ended = other.run("init", "-input=false", "-no-color")
    assert ended.code == 1
    assert "no available releases match" in ended.text


def test_no_key_and_no_sweeping_grant_is_written() -> None:
    """What a plan of today does not show, such as a resource whose count is 0, is not in the text either."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.tf"))
    kinds = set(re.findall(r'^resource "(\w+)"', text, re.MULTILINE))
    assert "google_service_account_key" not in kinds
    assert not {kind for kind in kinds if kind.endswith(("_iam_binding", "_iam_policy", "_iam_audit_config"))}
    assert not re.search(r'"roles/(owner|editor|viewer|iam\.serviceAccount(User|TokenCreator|KeyAdmin))"', text)
    assert "allUsers" not in re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def test_the_generated_files_are_what_the_code_says() -> None:
    script = Path(__file__).resolve().parents[2] / "scripts" / "make_terraform.py"
    ended = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
