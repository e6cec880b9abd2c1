"""``fsictl sql``: the models of a day, their tests, their pages, their form."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from fsictl.cli.command import command, group
from fsictl.cli.output import counted
from fsictl.cli.session import Session
from fsictl.errors import CheckFailedError, PreconditionError

app = group("sql", "Make the marts of a day with dbt: reliability of signals, clients (RFM).")

RunDate = Annotated[
    str | None, typer.Option("--run-date", metavar="YYYY-MM-DD", help="The day, UTC; the last whole one without it.")
]
Select = Annotated[
    list[str] | None, typer.Option(help="Only these models, in dbt's syntax; may be given more than once.")
]


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "run")
def run(session: Session, run_date: RunDate = None, select: Select = None) -> None:
    """Make the rows of one run date in the marts. The same again changes nothing, nor does it change other days.

    Example: fsictl sql run --run-date 2026-01-31 --select +rfm_segments
    """
    from fsictl.sql.runner import run_sql

    day = _day(session, run_date)
    _need_rows(session)
    session.output.say(f"Running the models for {day}.")
    done = run_sql(session.sql_project, run_date=day, select=select or ())
    rows = [{"model": one.model, "status": one.status, "rows": one.rows} for one in done.models]
    if session.output.as_json:
        session.output.document(done.as_dict())
    else:
        session.output.rows(rows, {"model": "model", "status": "status", "rows": f"rows of {day}"})
    session.output.say(f"Made {counted(len(rows), 'model')} for {day}. Look at one: fsictl sql show NAME.")


@command(app, "test")
def check(session: Session, run_date: RunDate = None, select: Select = None) -> None:
    """Test the marts and what they are made from. Ends with exit code 5 when a rule does not hold."""
    from fsictl.sql.runner import check_sql

    _need_rows(session)
    found = check_sql(session.sql_project, run_date=_day(session, run_date), select=select or ())
    bad = [one for one in found if one.status not in {"pass", "success", "warn"}]
    if session.output.as_json:
        session.output.document([one.as_dict() for one in found])
    elif bad:
        rows = [{"test": one.test, "status": one.status, "failures": one.failures} for one in bad]
        session.output.rows(rows, {"test": "test", "status": "status", "failures": "rows"})
    if bad:
        message = f"{len(bad)} of {counted(len(found), 'test')} did not pass, first {bad[0].test}: {bad[0].message}"
        raise CheckFailedError(message, hint=f"The whole story is in {session.sql_project.log}.")
    session.output.say(f"All {counted(len(found), 'test')} passed.")


@command(app, "show")
def show(
    session: Session,
    model: Annotated[str | None, typer.Argument(help="A mart; without it, what marts there are.")] = None,
    run_date: Annotated[
        str | None, typer.Option("--run-date", metavar="YYYY-MM-DD", help="The day, UTC; all of them without it.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000_000, help="Most rows to print.")] = 50,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all rows to a .parquet, .csv or .jsonl file instead.")
    ] = None,
) -> None:
    """Show the rows of a mart: of one run date, or of all without it."""
    from fsictl.sql.results import marts, read_mart

    if model is None:
        headings = {"model": "mart", "rows": "rows", "run_dates": "run dates", "newest": "newest"}
        session.output.rows(marts(session.sql_project), headings)
        return
    day = None if run_date is None else _day(session, run_date)
    table = read_mart(session.sql_project, model, run_date=day, limit=limit + 1 if out is None else None)
    if out is not None:
        from fsictl.records.files import write_rows

        rows = write_rows(out, table.schema, table.to_batches() and [table])
        session.output.say(f"Wrote {counted(rows, 'row')} of {model} to {out}.")
        session.output.document({"model": model, "rows": rows, "file": str(out)})
        return
    session.output.rows(
        table.slice(0, limit).to_pylist(), {name: name for name in table.column_names}, empty="No rows."
    )
    if table.num_rows > limit:
        session.output.say(f"There are more rows; --limit {limit} was reached.")


@command(app, "docs")
def docs(
    session: Session,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Write the page, and end.")] = False,
) -> None:
    """Show the models, their columns and the graph of how they hang together as a page, until Ctrl-C."""
    from fsictl.sql.run_dates import yesterday
    from fsictl.sql.runner import make_docs

    session.make_workspace()
    page = make_docs(session.sql_project, run_date=yesterday(session.clock.now_ms()))
    if no_serve:
        session.output.say(f"Wrote the page to {page}; a browser opens it as it is.")
        session.output.document({"file": str(page)})
        return
    from fsictl.cli.pages import serve_page

    def ready(address: str) -> None:
        session.output.say(f"The models are at [bold]{address}[/bold]. Ctrl-C ends it.")
        session.output.document({"url": address, "file": str(page)})

    serve_page(page, port, ready)


@command(app, "format")
def format_(
    session: Session,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 5 if anything would change.")
    ] = False,
) -> None:
    """Rewrite the SQL of the models in its form, with sqlfluff."""
    from fsictl.sql.formatting import reform, unformed

    found = unformed() if check else reform()
    rows = [{"file": one.file, "line": one.line, "rule": one.rule, "what": one.what} for one in found]
    session.output.rows(rows, {"file": "file", "line": "line", "rule": "rule", "what": "what is wrong"}, empty="")
    if found:
        message = f"{counted(len(found), 'place')} of the SQL {'does' if len(found) == 1 else 'do'} not keep the form"
        hint = "Run `fsictl sql format`." if check else "These are left for a person to mend."
        raise CheckFailedError(message, hint=hint)
    session.output.say("All SQL keeps the form.")


def _day(session: Session, text: str | None) -> date:
    from fsictl.sql.run_dates import run_date_of, yesterday

    now = session.clock.now_ms()
    return yesterday(now) if text is None else run_date_of(text, now)


def _need_rows(session: Session) -> None:
    """A machine without any state has nothing to make marts from."""
    if session.settings.target == "local":
        session.need_workspace()
    elif session.settings.gcp.project is None:
        message = "there is no project on Google Cloud to run the models in"
        raise PreconditionError(message, hint="Set gcp.project, or run on this machine: --target local.")
