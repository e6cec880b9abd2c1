"""What the containers run: commands that exist, with options that exist, and settings that are read."""

from __future__ import annotations

import json
import re

import pytest
from tests.test_docs import _command

from fsictl.cli.lazy import COMMANDS
from fsictl.cli.main import main
from fsictl.settings.load import keys
from fsictl.template_files import template_folder

TERRAFORM = template_folder("terraform")
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(TERRAFORM.glob("*.tf")))
MANIFESTS = (TERRAFORM / "modules/gke/manifests/fsictl.yaml.tftpl").read_text(encoding="utf-8")
TOP_LEVEL = {name for section in COMMANDS.values() for name in section}


def commands() -> list[list[str]]:
    """Every command line that Terraform or a manifest gives to ``fsictl``."""
    written = re.findall(r'^ +args += (?:concat\()?(\[(?:"[^"]*"(?:, )?)+\])', TEXT, re.MULTILINE)
    found = [json.loads(line) for line in written]
    found += [re.split(r", ", line) for line in re.findall(r"^ +args: \[(\w.*)\]$", MANIFESTS, re.MULTILINE)]
    return [[word.strip('"') for word in line] for line in found if not line[0].startswith("-")]


def test_commands_are_found() -> None:
    assert {line[0] for line in commands()} == {"generate", "train", "sql", "invoker", "job"}


@pytest.mark.parametrize("line", commands(), ids=" ".join)
def test_a_command_is_one_that_the_program_understands(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if line[0] not in TOP_LEVEL:
        pytest.skip(f"fsictl {line[0]} is not there yet")
    assert main([*line, "--help"]) == 0, capsys.readouterr().err
    command, rest = _command(line)
    command.make_context("fsictl", list(rest))


def test_settings_that_are_given_are_read() -> None:
    known = {key.variable for key in keys()}
    sections = {variable.split("_")[1] for variable in known}
    given = set(re.findall(r"\b(FSICTL_[A-Z_]+)\b", TEXT + MANIFESTS))
    assert len(given) >= 8
    assert {name for name in given - known if name.split("_")[1] in sections} == set()
