#!/usr/bin/env python
"""Environments of their own for what tests meet and the package never imports, such as emulators and Airflow.

``python scripts/environments.py`` makes all of them, ``… NAME`` one: ``.environments/NAME`` with what
``tests/environments/NAME.txt`` lists, or with the program that the Go package in ``NAME.go-install`` is. One that is
up to date is left as it is. Tests that need a missing one say so and skip. Those under
``by_hand`` are so large that they are made only when they are named.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
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
    install(folder, requirements)
    stamp.write_text(wanted, encoding="utf-8")
    return folder


def install(folder: Path, requirements: Path) -> None:
    """Make a virtual environment with these requirements: with uv where it is there, which is faster, else with pip."""
    python, uv = str(folder / "bin" / "python"), shutil.which("uv")
    if uv is not None:
        venv.create(folder)
        command = [uv, "pip", "install", "--quiet", "--python", python, "--requirement", str(requirements)]
        if subprocess.run(command, check=False).returncode == 0:
            return
    venv.create(folder, with_pip=True, clear=True)
    # Not compiled: of most packages a few modules are imported at all.
    pip = [python, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(requirements)], check=True)


def start_go_install(name: str) -> subprocess.Popen[bytes] | None:
    """Begin to build the Go program of that name, unless it is there or cannot be built."""
    package = (LISTS / f"{name}.go-install").read_text(encoding="utf-8").strip()
    folder = FOLDER / name
    stamp = folder / "package.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == package:
        return None
    go = shutil.which("go")
    if go is None:
        print(f"Go is not installed: .environments/{name} is left out", flush=True)
        return None
    shutil.rmtree(folder, ignore_errors=True)
    print(f"making .environments/{name} with Go", flush=True)
    # Not optimised: that takes a third less time, and tests do not need it to be fast.
    command = [go, "install", "-gcflags=all=-N -l", "-ldflags=-s -w", package]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "GOBIN": str(folder), "GOTOOLCHAIN": "local"})


def finish_go_install(name: str, build: subprocess.Popen[bytes]) -> None:
    """Wait for the build; one that fails is told of and left out, as if there were no Go."""
    if build.wait():
        print(f".environments/{name} could not be built and is left out", flush=True)
        return
    package = (LISTS / f"{name}.go-install").read_text(encoding="utf-8").strip()
    (FOLDER / name / "package.txt").write_text(package, encoding="utf-8")


def main(names: list[str]) -> None:
    """Make the environments of these names, all without any. What Go builds is built meanwhile."""
    of_go = {file.stem for file in LISTS.glob("*.go-install")}
    wanted = names or sorted(of_go | {file.stem for file in LISTS.glob("*.txt")})
    builds = {name: start_go_install(name) for name in wanted if name in of_go}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make, [name for name in wanted if name not in of_go]))
    for name, build in builds.items():
        if build is not None:
            finish_go_install(name, build)


if __name__ == "__main__":
    main(sys.argv[1:])
