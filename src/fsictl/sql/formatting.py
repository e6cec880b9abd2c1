"""The form of the SQL: sqlfluff over the whole tree of models, macros aside."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsictl.errors import CheckFailedError, MissingExtraError, StorageError
from fsictl.sql.project import MODELS

FOLDERS = ("models", "tests")


@dataclass(frozen=True, slots=True)
class Unformed:
    """A place in a file that does not keep a rule of the form."""

    file: str
    line: int
    rule: str
    what: str


def unformed(tree: Path = MODELS) -> list[Unformed]:
    """Every place where the SQL of the tree does not keep the form; nothing is changed."""
    done = _sqlfluff(tree, "lint", "--format", "json")
    try:
        files: list[dict[str, Any]] = json.loads(done.stdout)
    except ValueError:
        raise _failed(done) from None
    return [
        Unformed(str(Path(one["filepath"])), found["start_line_no"], found["name"], found["description"])
        for one in files
        for found in one["violations"]
    ]


def reform(tree: Path = MODELS) -> list[Unformed]:
    """Rewrite the SQL of the tree in its form, and return what only a person can mend."""
    before = {file: file.stat().st_mode for folder in FOLDERS for file in (tree / folder).rglob("*.sql")}
    if not all(_writable(file) for file in before):
        message = f"the models in {tree} cannot be written to"
        raise StorageError(message, hint="Format a copy of the project's source that is yours.")
    done = _sqlfluff(tree, "fix", "--force", "--quiet")
    if done.returncode not in {0, 1}:
        raise _failed(done)
    return unformed(tree)


def _writable(file: Path) -> bool:
    import os

    return os.access(file, os.W_OK)


def _sqlfluff(tree: Path, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    if importlib.util.find_spec("sqlfluff") is None:
        raise MissingExtraError(library="sqlfluff", extra="sql")
    folders: Sequence[str] = [name for name in FOLDERS if (tree / name).is_dir()]
    return subprocess.run(
        [sys.executable, "-P", "-m", "sqlfluff", command, *options, *folders],
        cwd=tree,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _failed(done: subprocess.CompletedProcess[str]) -> CheckFailedError:
    said = (done.stderr or done.stdout).strip().rpartition("\n")[2][:300]
    return CheckFailedError(f"sqlfluff did not end well: {said}", hint="Check that the SQL can be read at all.")
