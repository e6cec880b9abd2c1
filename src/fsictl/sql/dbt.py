"""dbt as a process of its own: its logging, threads and global state stay out of ours."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fsictl.errors import MissingExtraError, PreconditionError, StorageError
from fsictl.sql.project import MODELS, SqlProject

_ROWS = "fsictl-rows "


@dataclass(frozen=True, slots=True)
class Node:
    """How one model or test ended: dbt's word for it, what it said, and how long it took."""

    name: str
    kind: str
    status: str
    message: str
    seconds: float
    failures: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call of dbt did: its nodes in their order, and the rows that marts have of the run date.

    ``printed`` is what it was asked to list, ``errors`` what it complained about.
    """

    code: int
    nodes: tuple[Node, ...]
    rows: Mapping[str, int]
    printed: tuple[str, ...]
    errors: tuple[str, ...]


def need_dbt(project: SqlProject) -> None:
    """Raise ``MissingExtraError`` when dbt, or its adapter of the project's database, is not installed."""
    adapter = f"dbt.adapters.{project.connection['type']}"
    try:
        found = importlib.util.find_spec("dbt.cli") is not None and importlib.util.find_spec(adapter) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise MissingExtraError(library="dbt", extra="sql")


def call_dbt(project: SqlProject, command: Sequence[str], *, run_date: date, select: Sequence[str] = ()) -> Outcome:
    """Run one command of dbt to its end; a failed model or test is in the outcome.

    Raises ``StorageError`` when the folder cannot be written to, and ``PreconditionError`` when dbt could not begin,
    with what it said.
    """
    _prepare(project)
    arguments = [*command, *(["--select", *select] if select else [])]
    given = {"sources_folder": str(project.sources), "dataset": project.dataset, "run_date": run_date.isoformat()}
    (project.target / "run_results.json").unlink(missing_ok=True)
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "dbt.cli.main", "--log-format", "json", "--log-level-file", "debug"),
            *("--log-path", str(project.log.parent), "--no-use-colors", "--no-use-colors-file"),
            *arguments,
            *("--project-dir", str(MODELS), "--profiles-dir", str(project.folder)),
            *("--target-path", str(project.target), "--vars", json.dumps(given)),
        ],
        cwd=project.folder,
        env=_environment(os.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = _outcome(project, done)
    if done.returncode not in {0, 1} or (done.returncode == 1 and not outcome.nodes):
        last = done.stderr.strip().rpartition("\n")[2]
        said = next(iter(outcome.errors), "") or last or f"it ended with {done.returncode}"
        message = f"the models could not be run: {said}"
        raise PreconditionError(message, hint=f"The whole story is in {project.log}.")
    return outcome


def _prepare(project: SqlProject) -> None:
    try:
        project.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        profile = {"fsictl": {"target": "here", "outputs": {"here": dict(project.connection)}}}
        (project.folder / "profiles.yml").write_text(json.dumps(profile), encoding="utf-8")  # JSON is YAML
    except OSError as error:
        message = f"{project.folder} cannot be written to: {error.strerror or error}"
        raise StorageError(message, hint="Use a workspace that you may write to: --workspace DIR.") from error


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Ours without what would change dbt; it tells nobody that it was used."""
    kept = {name: value for name, value in ours.items() if not name.startswith("DBT_")}
    return {**kept, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


def _outcome(project: SqlProject, done: subprocess.CompletedProcess[str]) -> Outcome:
    rows: dict[str, int] = {}
    printed, errors = [], []
    for line in done.stdout.splitlines():
        try:
            info = json.loads(line)["info"]
        except (ValueError, KeyError, TypeError):
            continue
        text = str(info.get("msg", ""))
        if text.startswith(_ROWS):
            counted = json.loads(text.removeprefix(_ROWS))
            rows[counted["model"]] = counted["rows"]
        elif info.get("level") == "error":
            errors.append(_one_line(text))
        elif info.get("name") in {"ListCmdOut", "PrintEvent"}:
            printed.append(text)
    return Outcome(done.returncode, _nodes(project), rows, tuple(printed), tuple(errors))


def _nodes(project: SqlProject) -> tuple[Node, ...]:
    try:
        results: list[dict[str, Any]] = json.loads((project.target / "run_results.json").read_bytes())["results"]
    except FileNotFoundError:
        return ()
    return tuple(
        Node(
            name=".".join(result["unique_id"].split(".")[2:3]),
            kind=result["unique_id"].split(".")[0],
            status=result["status"],
            message=_one_line(result["message"] or ""),
            seconds=result["execution_time"],
            failures=result.get("failures"),
        )
        for result in results
    )


def _one_line(text: str) -> str:
    """What a message of dbt says, without its layout and place, and not longer than a sentence should be."""
    line = " ".join(text.partition("\n\n  > in macro")[0].split())
    line = re.sub(r"^(Encountered an error: )?\w+ Error( in (model|test) \S+ \(\S+\))? ?", "", line)
    return line if len(line) <= 300 else line[:299] + "…"
