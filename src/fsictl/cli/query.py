"""``fsictl query``: read-only SQL on the warehouse."""

from __future__ import annotations

from typing import Annotated

import typer

from fsictl.cli.command import command
from fsictl.cli.session import Session


def register(parent: typer.Typer) -> None:
    """Add the command to the program."""
    command(parent, "query")(query)


def query(
    session: Session,
    sql: Annotated[str, typer.Argument(help="One SQL statement that only reads.")],
    limit: Annotated[int, typer.Option(min=1, max=1_000_000_000, help="Most rows to print.")] = 1000,
) -> None:
    """Run SQL on the tables prices, metrics, reconerr and training_runs.

    Example: fsictl query "select symbol, count(*) n from metrics group by symbol"
    """
    session.need_workspace()
    table = session.warehouse.query(sql, limit + 1)
    table = table.rename_columns(_distinct(table.column_names))
    rows = table.slice(0, limit).to_pylist()
    session.output.rows(rows, {name: name for name in table.column_names}, empty="No rows.")
    if table.num_rows > limit:
        session.output.say(f"There are more rows; --limit {limit} was reached.")


def _distinct(names: list[str]) -> list[str]:
    """The names, numbered where one comes again: rows are objects, which have each name once.

    >>> _distinct(["a", "b", "a", "a_2", "a"])
    ['a', 'b', 'a_3', 'a_2', 'a_4']
    """
    found: list[str] = []
    for name in names:
        new, number = name, 2
        while new in found or (new != name and new in names):
            new, number = f"{name}_{number}", number + 1
        found.append(new)
    return found
