#!/usr/bin/env python
"""Environments of their own for what tests meet and the package never imports, such as emulators and Airflow.

``python scripts/environments.py`` makes all of them, ``… NAME`` one: ``.environments/NAME`` with what
``tests/environments/NAME.txt`` lists. One that is up to date is left as it is. Tests that need a missing one say so
and skip. Those under ``by_hand`` are so large that they are made only when they are named.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTS = ROOT / "tests" / "environments"
FOLDER = ROOT / ".environments"


def make(name: str) -> Path:
    """Make the environment of that name unless it has what its list asks for; return its folder."""
    requirements = LISTS / f"{name}.txt"
    if not requirements.is_file():
        requirements = LISTS / "by_hand" / f"{name}.txt"
    if not requirements.is_file():
        sys.exit(f"There is no list of what {name} needs in {LISTS.relative_to(ROOT)}.")
    folder, wanted = FOLDER / name, requirements.read_text(encoding="utf-8")
    stamp = folder / "requirements.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    print(f"making .environments/{name}", flush=True)
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(requirements)], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return folder


def main(names: list[str]) -> None:
    """Make the environments of these names, all without any."""
    for name in names or sorted(file.stem for file in LISTS.glob("*.txt")):
        make(name)


if __name__ == "__main__":
    main(sys.argv[1:])
