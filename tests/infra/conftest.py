"""Terraform without a cloud, ready to use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.infra.offline import EVERYTHING, MISSING, Offline, environment_exists, mirror, schema_of, terraform_program

from fsictl.template_files import template_folder

collect_ignore = ["stand_in.py"]  # it runs in an environment of its own


@pytest.fixture(scope="session")
def working_directory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Offline]:
    """Make an initialised working directory with a cloud of its own."""
    if not environment_exists():
        pytest.skip(MISSING)
    shared = tmp_path_factory.mktemp("terraform")
    program, configuration = terraform_program(shared), mirror(shared)
    schema = schema_of(template_folder("terraform"), shared)

    def make(name: str) -> Offline:
        made = Offline(Path(tmp_path_factory.mktemp(name)), program, configuration, schema)
        made.prepare()
        return made

    return make


@pytest.fixture(scope="session")
def everything_up(working_directory: Callable[[str], Offline]) -> Offline:
    """A system with every optional part, for tests that only look."""
    terraform = working_directory("everything")
    ended = terraform.apply(**EVERYTHING)
    assert ended.code == 0, ended.problems
    return terraform
