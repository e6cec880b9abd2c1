"""``infra down`` with streaming jobs on a Dataflow of this machine, and the real Terraform."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("apache_beam", reason="Apache Beam is not installed")

from tests.contract.dataflow import Cloud, local_dataflow, needs_documents

from fsictl.cli.main import main
from fsictl.clock import ManualClock

pytestmark = [
    needs_documents,
    pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform on the PATH"),
]


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Something is up, and two jobs run on it."""
    (tmp_path / "main.tf").write_text('resource "terraform_data" "topic" {}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FSICTL_GCP_STATE", "local")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", os.devnull)
    with local_dataflow() as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("fsictl.cli.session.SystemClock", lambda: cloud.clock)
        assert main(["infra", "up", "--yes", "--configuration", "."]) == 0
        for name in ("fsictl-metrics", "fsictl-sink"):
            job = cloud.dataflow.add({"name": name})
            job["currentState"] = "JOB_STATE_RUNNING"
        assert isinstance(cloud.clock, ManualClock)  # nobody waits in real time
        yield cloud


def _resources(folder: Path) -> int:
    return len(json.loads((folder / ".fsictl" / "terraform" / "terraform.tfstate").read_text())["resources"])


def test_jobs_are_drained_then_all_is_destroyed(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["infra", "cost", "--now", "--json", "--configuration", "."]) == 0
    billed = json.loads(capsys.readouterr().out)
    assert [one["what"] for one in billed] == ["streaming job metrics", "streaming job sink"]
    assert main(["infra", "down", "--yes", "--json", "--configuration", "."]) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == ["metrics", "sink"]
    assert {cloud.dataflow.state(name) for name in ("fsictl-metrics", "fsictl-sink")} == {"DRAINED"}
    assert _resources(tmp_path) == 0


def test_nothing_is_destroyed_while_a_job_drains(
    cloud: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.dataflow.after = 10**6
    assert main(["infra", "down", "--yes", "--timeout", "30", "--configuration", "."]) == 4
    assert "metrics has not ended in 30 seconds" in capsys.readouterr().err.lower()
    assert _resources(tmp_path) == 1
