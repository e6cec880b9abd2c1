"""Which models a run is about, and which tables they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from fsictl.errors import PreconditionError
from fsictl.sql.dbt import call_dbt
from fsictl.sql.project import SqlProject
from fsictl.sql.sources import SOURCES

WORKLOADS: dict[str, tuple[str, ...]] = {
    "sql": (),
    "rfm": ("+rfm_segments",),
}
"""What a workload runs: nothing named is everything, ``+NAME`` is a model with all it is made from."""

_KNOWN: dict[tuple[str, ...], tuple[str, ...]] = {(): tuple(SOURCES), WORKLOADS["rfm"]: ("transactions",)}
"""The tables of the selections that run every day, for which dbt need not be asked."""


def sql_selection(workload: str) -> tuple[str, ...]:
    """What ``select`` is for a workload.

    >>> sql_selection("rfm"), sql_selection("sql")
    (('+rfm_segments',), ())

    Raises ``PreconditionError`` for a workload that runs no SQL.
    """
    if workload not in WORKLOADS:
        message = f"the workload {workload!r} runs no SQL"
        raise PreconditionError(message, hint=f"Choose from {', '.join(WORKLOADS)}.")
    return WORKLOADS[workload]


def needed_tables(project: SqlProject, select: Sequence[str], run_date: date) -> tuple[str, ...]:
    """The tables from which the selected models are made; ``PreconditionError`` when no model is selected."""
    known = _KNOWN.get(tuple(select))
    if known is not None:
        return known
    listed = call_dbt(
        project,
        ["list", "--resource-type", "model", "source", "--output", "name", "--quiet"],
        run_date=run_date,
        select=[*select, *(f"+{one.removeprefix('+')}" for one in select)],
    )
    names = [name.rpartition(".")[2] for name in listed.printed]
    if not names:
        message = f"no model is selected by {' '.join(select)}"
        hint = "Name models as in docs/sql.md, for example --select rfm_customers; +NAME takes what NAME is made from."
        raise PreconditionError(message, hint=hint)
    return tuple(name for name in SOURCES if name in names)
