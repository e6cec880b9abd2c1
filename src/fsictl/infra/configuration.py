"""The working copy of a Terraform configuration: the files of the package, and beside them what Terraform keeps.

Terraform writes where its files are (providers, the address of the state, a local state), and a package may not be
written to. So its files are copied into the workspace, anew each time: a newer fsictl brings newer files, and what
is there no more is taken away. What Terraform keeps there stays.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from fsictl.errors import InputError
from fsictl.infra.process import held

SETTINGS_FILE = "fsictl.auto.tfvars.json"
_OVERRIDE = "fsictl_backend_override.tf"
_COPIED = "copied.json"
_LOCK = ".fsictl.lock"
_KEPT = re.compile(r"\.terraform($|/)|.*\.tfstate(\..*)?$|.*\.tfplan$|crash\..*\.log$")
_VARIABLE = re.compile(r'^\s*variable\s+"([^"]+)"', re.MULTILINE)


class StateIn(StrEnum):
    """Where Terraform keeps what it knows."""

    BUCKET = "bucket"
    LOCAL = "local"


@contextmanager
def working_copy(source: Path, folder: Path, state: StateIn) -> Iterator[Path]:
    """``folder`` with the files of ``source``, for this process alone; ``BusyError`` while another works there.

    Raises ``InputError`` when ``source`` is no Terraform configuration.
    """
    if not any(source.glob("*.tf")):
        message = f"there is no Terraform configuration in {source}"
        raise InputError(message, hint="Give a folder with files that end in .tf: --configuration DIR.")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    busy = f"another fsictl infra works in {folder}"
    with held(folder / _LOCK, busy, "Wait until it ends; `fsictl infra outputs` tells what is there then."):
        for left in folder.glob("plan-*.tfplan"):  # by a run that was killed; there are secrets in it
            left.unlink()
        _copy(source, folder)
        override = folder / _OVERRIDE
        if state is StateIn.LOCAL:
            override.write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        else:
            override.unlink(missing_ok=True)
        yield folder


def _copy(source: Path, folder: Path) -> None:
    """Copy what is a file of the configuration, and remove what an earlier copy brought and this one does not."""
    wanted = {name for path in source.rglob("*") if path.is_file() and not _KEPT.match(name := _name(path, source))}
    listed = folder / _COPIED
    before = set(json.loads(listed.read_text(encoding="utf-8"))) if listed.is_file() else set()
    for name in before - wanted:
        (folder / name).unlink(missing_ok=True)
    listed.write_text(json.dumps(sorted(wanted)), encoding="utf-8")
    for name in wanted:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)


def _name(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix()


def declared(folder: Path) -> set[str]:
    """The variables that the configuration in a folder declares."""
    return {name for file in folder.glob("*.tf") for name in _VARIABLE.findall(file.read_text(encoding="utf-8"))}


def uses_backend(folder: Path) -> bool:
    """Whether the configuration says that its state is in a bucket."""
    return any('backend "gcs"' in file.read_text(encoding="utf-8") for file in folder.glob("*.tf"))


def write_variables(folder: Path, variables: Mapping[str, object]) -> None:
    """Give the configuration the values of our settings, those that it declares."""
    known = declared(folder)
    given = {name: value for name, value in variables.items() if name in known}
    file = folder / SETTINGS_FILE
    part = file.with_suffix(".part")
    part.write_text(json.dumps(given, indent=2) + "\n", encoding="utf-8")
    os.replace(part, file)
