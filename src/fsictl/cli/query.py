"""``fsictl query``: read-only SQL on the warehouse, and ``fsictl export``: a table as a file."""

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
    limit: Annotated[int, typer.Option(min=1, help="Most rows to print.")] = 1000,
) -> None:
    """Run SQL on the tables prices, metrics, reconerr and training_runs.

    Example: fsictl query "select symbol, count(*) n from metrics group by symbol"
    """
    session.need_workspace()
    table = session.warehouse.query(sql, limit + 1)
    rows = table.slice(0, limit).to_pylist()
    session.output.rows(rows, {name: name for name in table.column_names}, empty="No rows.")
    if table.num_rows > limit:
        session.output.say(f"There are more rows; --limit {limit} was reached.")
