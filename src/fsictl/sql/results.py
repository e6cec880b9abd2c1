"""What the models hold on this machine: read-only, while nobody writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

from fsictl.errors import PreconditionError
from fsictl.sql.dbt import need_dbt
from fsictl.sql.project import SqlProject

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def marts(project: SqlProject) -> list[dict[str, Any]]:
    """Every mart that was made: its name, how many rows and run dates it has, and the newest of these."""
    with _reading(project) as database:
        return [_summary(database, name) for name in _names(database)]


def read_mart(project: SqlProject, model: str, *, run_date: date | None = None, limit: int | None = None) -> pa.Table:
    """Rows of a mart, of one run date or of all, in the order of their columns.

    Exact decimals become floats. ``PreconditionError`` when there is no such mart.
    """
    with _reading(project) as database:
        if model not in _names(database):
            message = f"there is no mart {model!r}"
            raise PreconditionError(message, hint=f"There are {', '.join(_names(database)) or 'none'}.")
        names = [_quoted(name) for name, *_ in database.sql(f"describe {_quoted(model)}").fetchall()]
        sql = f"select columns(*) from {_quoted(model)} where run_date = coalesce(?, run_date)"  # noqa: S608 - our names
        sql += f" order by {', '.join(names)}" + ("" if limit is None else f" limit {int(limit)}")
        return _plain(database.sql(sql, params=[run_date]).to_arrow_table())


@contextmanager
def _reading(project: SqlProject) -> Iterator[duckdb.DuckDBPyConnection]:
    need_dbt(project)
    if project.database is None:
        message = "the marts are tables of the warehouse on this target"
        raise PreconditionError(message, hint="Read them with `fsictl query`.")
    if not project.database.is_file():
        message = "no mart was made here yet"
        raise PreconditionError(message, hint="Make them: fsictl sql run --run-date 2026-01-31.")
    import duckdb

    with project.alone(), duckdb.connect(str(project.database), read_only=True) as database:
        yield database


def _names(database: duckdb.DuckDBPyConnection) -> list[str]:
    found = database.sql("select table_name from duckdb_tables() where schema_name = 'main' order by table_name")
    return [str(name) for (name,) in found.fetchall()]


def _summary(database: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    sql = f"select count(*), count(distinct run_date), max(run_date) from {_quoted(name)}"  # noqa: S608 - our names
    rows, days, newest = database.sql(sql).fetchall()[0]
    return {"model": name, "rows": rows, "run_dates": days, "newest": None if newest is None else newest.isoformat()}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _plain(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.float64()))
        elif pa.types.is_date(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table
