"""Run the models for one run date, test them, and draw how they hang together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from fsictl.errors import CheckFailedError
from fsictl.sql.dbt import call_dbt, need_dbt
from fsictl.sql.project import SqlProject
from fsictl.sql.selection import needed_tables
from fsictl.sql.sources import export_sources


@dataclass(frozen=True, slots=True)
class ModelRun:
    """How one model ended: ``success``, ``error`` or ``skipped``; the rows that it has of the run date.

    ``rows`` is ``None`` for a view, and for a model that did not succeed.
    """

    model: str
    status: str
    rows: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SqlRun:
    """A run that succeeded: its models in the order in which they were made, and the rows that they were given."""

    run_date: date
    models: tuple[ModelRun, ...]
    given: dict[str, int]
    log: Path

    def rows(self, model: str) -> int:
        """The rows that a model has of the run date; ``KeyError`` when it was not run, 0 for a view."""
        return {one.model: one.rows or 0 for one in self.models}[model]

    def as_dict(self) -> dict[str, Any]:
        """The run for people and programs, in plain types."""
        return {
            "run_date": self.run_date.isoformat(),
            "models": [asdict(one) for one in self.models],
            "given": self.given,
            "log": str(self.log),
        }


def run_sql(project: SqlProject, *, run_date: date, select: Sequence[str] = ()) -> SqlRun:
    """Make the rows of ``run_date`` in the models that ``select`` names (dbt's syntax), in all without it.

    A run replaces what the models have of that day and changes no other: run again, it changes nothing. Only rows up
    to the end of the day (UTC) count. Raises ``MissingExtraError`` without the extra ``sql``, ``PreconditionError``
    when nothing is selected, ``CheckFailedError`` with the model's name when one fails, ``BusyError`` when another run
    does not end, ``StorageError`` when the disk refuses.
    """
    need_dbt(project)
    with project.alone():
        given = _give(project, run_date, needed_tables(project, select, run_date))
        outcome = call_dbt(project, ["run"], run_date=run_date, select=select)
    bad = [node for node in outcome.nodes if node.status == "error"]
    if bad:
        message = f"the model {bad[0].name} failed: {bad[0].message}"
        raise CheckFailedError(message, hint=f"The whole story is in {project.log}.")
    models = tuple(
        ModelRun(node.name, node.status, outcome.rows.get(node.name), node.seconds)
        for node in outcome.nodes
        if node.kind == "model"
    )
    return SqlRun(run_date, models, given, project.log)


@dataclass(frozen=True, slots=True)
class Tested:
    """How one test of the models ended: ``pass``, ``warn``, ``fail``, ``error`` or ``skipped``.

    ``failures`` is how many rows break the rule.
    """

    test: str
    status: str
    failures: int
    seconds: float
    message: str

    def as_dict(self) -> dict[str, Any]:
        """The test for people and programs, in plain types."""
        return asdict(self)


def check_sql(project: SqlProject, *, run_date: date, select: Sequence[str] = ()) -> tuple[Tested, ...]:
    """Run the tests of the models that ``select`` names, of all without it; failed ones are among the results.

    The tests look at every run date that is stored, and at the rows that ``run_date`` was made from. Raises the errors
    of :func:`run_sql`, but not for tests that fail.
    """
    need_dbt(project)
    with project.alone():
        _give(project, run_date, needed_tables(project, select, run_date))
        outcome = call_dbt(project, ["test"], run_date=run_date, select=select)
    return tuple(
        Tested(node.name, node.status, node.failures or 0, node.seconds, node.message)
        for node in outcome.nodes
        if node.kind == "test"
    )


def make_docs(project: SqlProject, *, run_date: date) -> Path:
    """Write the models, their columns and the graph of how they hang together as one HTML file; returns its path."""
    need_dbt(project)
    with project.alone():
        _give(project, run_date, ())
        outcome = call_dbt(project, ["docs", "generate", "--static", "--empty-catalog"], run_date=run_date)
    page = project.target / "static_index.html"
    if outcome.code or not page.is_file():
        message = f"dbt could not write the pages: {next(iter(outcome.errors), 'it did not say why')}"
        raise CheckFailedError(message, hint=f"The whole story is in {project.log}.")
    return page


def _give(project: SqlProject, run_date: date, tables: Sequence[str]) -> dict[str, int]:
    """Give the models the rows that they need, where they do not read the tables themselves."""
    if project.exported is None:
        return {}
    return export_sources(project.exported, project.sources, run_date, tables)
