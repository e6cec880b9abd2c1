"""What other people's linters say of the templates. Every exception has its reason beside it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.infra.offline import ROOT

from fsictl.template_files import template_folder

ENVIRONMENT = ROOT / ".environments" / "checkov"
TERRAFORM, DOCKER = template_folder("terraform"), template_folder("docker")
DOCKERFILES = sorted(DOCKER.glob("*/Dockerfile"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ENVIRONMENT / "bin" / "python").exists(),
        reason="There is no .environments/checkov: run python scripts/environments.py checkov",
    ),
]


def checkov(folder: Path, home: Path) -> list[dict[str, Any]]:
    """What checkov finds in Terraform and Dockerfiles, a report each; it asks nobody outside."""
    command = [str(ENVIRONMENT / "bin" / "python"), "-m", "checkov.main", "--directory", str(folder)]
    options = ["--framework", "terraform", "dockerfile", "--skip-download", "--quiet", "--compact", "--output", "json"]
    ended = subprocess.run(
        [*command, *options],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        timeout=240,
        check=False,
    )
    found = json.loads(ended.stdout)
    return found if isinstance(found, list) else [found]


def test_checkov_finds_nothing(tmp_path: Path) -> None:
    reports = checkov(TERRAFORM.parent, tmp_path)
    assert {report["check_type"] for report in reports} == {"terraform", "dockerfile"}
    for report in reports:
        assert [(each["check_id"], each["resource"]) for each in report["results"]["failed_checks"]] == []
        assert report["summary"]["parsing_errors"] == 0
        assert report["summary"]["passed"] > 50


def test_checkov_would_find_something(tmp_path: Path) -> None:
    text = (TERRAFORM / "storage.tf").read_text(encoding="utf-8")
    assert 'public_access_prevention    = "enforced"' in text
    seeded = text.replace('public_access_prevention    = "enforced"', 'public_access_prevention    = "inherited"')
    (tmp_path / "storage.tf").write_text(seeded, encoding="utf-8")
    (tmp_path / "Dockerfile").write_text("FROM python:latest\n", encoding="utf-8")
    found = {each["check_id"] for report in checkov(tmp_path, tmp_path) for each in report["results"]["failed_checks"]}
    assert {"CKV_GCP_114", "CKV_DOCKER_3", "CKV_DOCKER_7"} <= found


def test_every_exception_has_a_reason() -> None:
    files = [*TERRAFORM.rglob("*.tf"), *TERRAFORM.rglob("*.tftpl"), *DOCKERFILES]
    exceptions = [
        line for file in files for line in file.read_text(encoding="utf-8").splitlines() if "checkov:skip" in line
    ]
    assert exceptions
    for line in exceptions:
        assert re.fullmatch(r"\s*#checkov:skip=CKV2?_[A-Z]+_\d+:\w.{15,}\.", line), line
    assert not [file for file in files if "hadolint ignore" in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    hadolint = [str(ENVIRONMENT / "bin" / "hadolint"), "--no-color", "--failure-threshold", "style"]
    ended = subprocess.run([*hadolint, str(dockerfile)], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    seeded = tmp_path / "Dockerfile"
    seeded.write_text("FROM python:latest\nRUN pip install numpy\nUSER root\n", encoding="utf-8")
    hadolint = [str(ENVIRONMENT / "bin" / "hadolint"), "--no-color", str(seeded)]
    ended = subprocess.run(hadolint, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert {"DL3007", "DL3013", "DL3002"} <= set(re.findall(r"DL\d{4}", ended.stdout))
