from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fsictl.errors import PreconditionError
from fsictl.infra import program
from fsictl.infra.program import find_program


def _terraform(folder: Path, says: str) -> dict[str, str]:
    file = folder / "terraform"
    file.write_text(f"#!/bin/sh\n{says}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}:/bin:/usr/bin"}


def test_the_binary_on_the_path_is_taken(tmp_path: Path) -> None:
    environment = _terraform(tmp_path, """echo 'some warning'; echo '{"terraform_version": "1.13.0"}'""")
    found = find_program(environment)
    assert found == program.Program((str(tmp_path / "terraform"),), "1.13.0")


@pytest.mark.parametrize("version", ["0.15.5", "1.8.9", "2.0.0-beta1", "what"])
def test_too_old_and_too_new_ones_are_refused(version: str, tmp_path: Path) -> None:
    environment = _terraform(tmp_path, f"""echo '{{"terraform_version": "{version}"}}'""")
    with pytest.raises(PreconditionError, match=version):
        find_program(environment)


@pytest.mark.parametrize("says", ["exit 1", "echo '{}'", "echo '{broken'"])
def test_what_is_no_terraform_is_said_to_be_none(says: str, tmp_path: Path) -> None:
    with pytest.raises(PreconditionError, match="does not say which Terraform it is"):
        find_program(_terraform(tmp_path, says))


def test_without_a_binary_the_bundled_one_is_taken_or_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = {"PATH": str(tmp_path)}
    monkeypatch.setattr(program.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PreconditionError, match="not installed") as caught:
        find_program(environment)
    assert "fsictl[terraform]" in caught.value.hint
    monkeypatch.setattr(program.importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(program, "_version", lambda *_: "1.15.5")
    assert find_program(environment).command[-1] == "fsictl.infra.bundled"
