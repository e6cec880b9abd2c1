"""Draining before what the jobs stand on goes away: with the real Terraform and an engine that is made up."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.infra.test_draining import Pipelines

from fsictl.cli import infra_bill, infra_cloud, status
from fsictl.cli.main import main
from fsictl.cli.options import CommonOptions
from fsictl.cli.session import Session
from fsictl.errors import ServiceError
from fsictl.ports.engine import PipelineState

pytestmark = pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform on the PATH")

RUNNING, STOPPED = PipelineState.RUNNING, PipelineState.STOPPED


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment that is up, in a workspace of its own."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    (folder / "main.tf").write_text(
        'variable "parked" { default = false }\n'
        'resource "terraform_data" "topic" {}\n'
        'resource "terraform_data" "generator" { count = var.parked ? 0 : 1 }\n'
    )
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "FSICTL_TARGET": "gcp",
        "FSICTL_GCP_PROJECT": "demo-project",
        "FSICTL_GCP_STATE": "local",
        "TF_CLI_CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    assert main(["infra", "up", "--yes", "--configuration", "configuration"]) == 0
    return folder


def _engine(monkeypatch: pytest.MonkeyPatch, engine: Pipelines) -> Pipelines:
    monkeypatch.setattr(Session, "engine", engine)
    return engine


def _state(folder: Path) -> int:
    state = json.loads((folder.parent / ".fsictl" / "terraform" / "terraform.tfstate").read_text())
    return len(state["resources"])


def test_park_and_down_drain_first(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = _engine(monkeypatch, Pipelines({"metrics": RUNNING, "sink": RUNNING, "infer": STOPPED}))
    capsys.readouterr()
    assert main(["infra", "park", "--yes", "--json", "--configuration", "configuration", "--timeout", "5"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["stopped"] == ["metrics", "sink"]
    assert "First these are drained: metrics, sink." in said.err
    assert engine.told == [(("metrics", "sink"), True, 5.0)]
    assert _state(configuration) == 1

    engine.states["infer"] = RUNNING
    assert main(["infra", "down", "--yes", "--json", "--configuration", "configuration"]) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == ["infer"]
    assert _state(configuration) == 0


def test_nothing_is_destroyed_while_a_job_runs(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _engine(monkeypatch, Pipelines({"metrics": RUNNING}, stubborn=("metrics",)))
    for verb in ("park", "down"):
        assert main(["infra", verb, "--yes", "--configuration", "configuration"]) == 3
        assert "Metrics still runs" in capsys.readouterr().err
    assert _state(configuration) == 2
    assert main(["infra", "down", "--yes", "--without-jobs", "--configuration", "configuration"]) == 0


def test_a_parked_deployment_whose_jobs_run_is_drained_too(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = _engine(monkeypatch, Pipelines({}))
    assert main(["infra", "park", "--yes", "--configuration", "configuration"]) == 0
    engine.states["sink"] = RUNNING
    capsys.readouterr()
    assert main(["infra", "park", "--yes", "--json", "--configuration", "configuration"]) == 0
    assert json.loads(capsys.readouterr().out)["stopped"] == ["sink"]


def test_the_bill_has_the_jobs_that_run(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _engine(monkeypatch, Pipelines({"metrics": RUNNING, "sink": STOPPED}))
    capsys.readouterr()
    assert main(["infra", "cost", "--now", "--json", "--configuration", "configuration"]) == 0
    assert [one["what"] for one in json.loads(capsys.readouterr().out)] == ["streaming job metrics"]


def test_the_bill_is_given_also_when_the_jobs_cannot_be_asked(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: Session) -> None:
        message = "Dataflow did not answer"
        raise ServiceError(message, hint="Try again.")

    monkeypatch.setattr(Session, "engine", property(refuse))
    capsys.readouterr()
    assert main(["infra", "cost", "--now", "--json", "--configuration", "configuration"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == []
    assert "could not be asked: Dataflow did not answer" in said.err
    assert main(["infra", "down", "--yes", "--configuration", "configuration"]) == 4
    assert _state(configuration) == 2


def test_models_on_the_endpoint_are_taken_off_also_when_terraform_has_nothing_to_do(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _engine(monkeypatch, Pipelines({}))
    asked: list[str] = []
    endpoint = "projects/demo-project/locations/europe-west1/endpoints/7"
    (configuration / "outputs.tf").write_text(f'output "endpoint" {{ value = "{endpoint}" }}\n')
    assert main(["infra", "park", "--yes", "--configuration", "configuration", "--without-jobs"]) == 0
    monkeypatch.setattr(infra_cloud, "deployed_models", lambda _, name: ["1", "2"] if name == endpoint else [])
    monkeypatch.setattr(infra_cloud, "undeploy", lambda _, name: asked.append(name) or ["1", "2"])
    capsys.readouterr()

    assert main(["infra", "cost", "--now", "--json", "--configuration", "configuration"]) == 0
    assert [one["what"] for one in json.loads(capsys.readouterr().out)] == ["model on the endpoint"] * 2
    assert main(["infra", "park", "--yes", "--json", "--configuration", "configuration"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["undeployed"] == 2
    assert "2 models will be taken off the endpoint" in said.err
    assert asked == [endpoint]


def test_status_tells_what_costs_money_where_terraform_was_used(
    configuration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(CommonOptions())
    monkeypatch.setattr(infra_bill, "bill_now", lambda _: [{"what": "control plane"}])
    assert status._bill(session) == [{"what": "control plane"}]

    def refuse(_: Session) -> None:
        message = "Terraform is not installed"
        raise ServiceError(message, hint="Install it.")

    monkeypatch.setattr(infra_bill, "bill_now", refuse)
    capsys.readouterr()
    assert status._bill(session) is None
    assert "is not known: Terraform is not installed" in capsys.readouterr().err
    shutil.rmtree(".fsictl/terraform")
    assert status._bill(session) is None
    assert "fsictl infra cost --now" in capsys.readouterr().err
    monkeypatch.setenv("FSICTL_TARGET", "local")
    assert status._bill(Session(CommonOptions())) is None
    assert capsys.readouterr().err == ""
