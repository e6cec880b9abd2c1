from __future__ import annotations

import json
from pathlib import Path

import pytest

from fsictl.errors import BusyError, InputError
from fsictl.infra.configuration import StateIn, declared, uses_backend, working_copy, write_variables


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "modules" / "gke").mkdir(parents=True)
    (folder / "main.tf").write_text(
        'variable "project" {}\n  variable "region" {}\nterraform {\n  backend "gcs" {}\n}\n'
    )
    (folder / "modules" / "gke" / "main.tf").write_text('variable "inner" {}\n')
    (folder / ".terraform").mkdir()
    (folder / ".terraform" / "x").write_text("not ours")
    (folder / "terraform.tfstate").write_text("not ours")
    return folder


def test_the_copy_has_the_files_and_keeps_what_terraform_wrote(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    with working_copy(source, folder, StateIn.LOCAL):
        (folder / "terraform.tfstate").write_text("ours")
        (folder / "plan-1.tfplan").write_text("of a run that was killed")
    (source / "modules" / "gke" / "main.tf").unlink()
    (source / "new.tf").write_text("")
    with working_copy(source, folder, StateIn.LOCAL):
        assert (folder / "new.tf").is_file()
        assert not (folder / "modules" / "gke" / "main.tf").exists()
        assert (folder / "terraform.tfstate").read_text() == "ours"
        assert not (folder / ".terraform").exists()
        assert not (folder / "plan-1.tfplan").exists()
    assert folder.stat().st_mode & 0o077 == 0


def test_the_place_of_the_state_can_be_changed(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    with working_copy(source, folder, StateIn.LOCAL):
        assert 'backend "local"' in (folder / "fsictl_backend_override.tf").read_text()
        assert uses_backend(folder)
    with working_copy(source, folder, StateIn.BUCKET):
        assert not (folder / "fsictl_backend_override.tf").exists()


def test_two_do_not_work_in_one_copy(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    first, second = working_copy(source, folder, StateIn.LOCAL), working_copy(source, folder, StateIn.LOCAL)
    with first, pytest.raises(BusyError), second:
        raise AssertionError
    with working_copy(source, folder, StateIn.LOCAL):
        pass


def test_a_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError), working_copy(tmp_path, tmp_path / "copy", StateIn.LOCAL):
        raise AssertionError
    assert not (tmp_path / "copy").exists()


def test_only_declared_variables_are_given(source: Path) -> None:
    assert declared(source) == {"project", "region"}
    write_variables(source, {"project": "p", "inner": 1, "bucket": None})
    assert json.loads((source / "fsictl.auto.tfvars.json").read_text()) == {"project": "p"}
