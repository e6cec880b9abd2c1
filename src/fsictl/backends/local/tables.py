"""Rows of the schemas in SQLite tables: how Arrow becomes rows and rows become Arrow again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fsictl.backends.local.database import Database
from fsictl.ports.warehouse import Extent
from fsictl.records.arrow import arrow_schema
from fsictl.records.conform import conform, has_symbols, time_column
from fsictl.records.schemas import TABLES, Field, Kind, Schema

_SQL_TYPES = {
    Kind.TEXT: "TEXT",
    Kind.INTEGER: "INTEGER",
    Kind.FLOAT: "REAL",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.TIMESTAMP: "INTEGER",
}
_NUMPY_TYPES = {
    Kind.INTEGER: np.int64,
    Kind.FLOAT: np.float64,
    Kind.BOOLEAN: np.bool_,
    Kind.TIMESTAMP: np.int64,
}
_BLOCK_ROWS = 50_000


def tables_sql() -> str:
    """The statements that make every table, and the one that keeps how many rows each has of a symbol.

    Tables are clustered by their natural key: a time range of one symbol is one stretch of the file.
    """
    counts = (
        "CREATE TABLE IF NOT EXISTS row_counts (name TEXT NOT NULL, symbol TEXT NOT NULL, rows INTEGER NOT NULL, "
        "PRIMARY KEY (name, symbol)) WITHOUT ROWID"
    )
    return ";\n".join([*(_table_sql(schema) for schema in TABLES.values()), counts]) + ";"


def _table_sql(schema: Schema) -> str:
    columns = [
        f'"{field.name}" {_SQL_TYPES[field.kind]}{"" if field.nullable else " NOT NULL"}' for field in schema.fields
    ]
    key = _names(schema.key)
    return f"CREATE TABLE IF NOT EXISTS {schema.name} ({', '.join(columns)}, PRIMARY KEY ({key})) WITHOUT ROWID"


def _known_columns(database: Database, schema: Schema) -> set[str]:
    """The columns that the table has in this file; none when it is not there."""
    return {str(name) for (name,) in database.all("SELECT name FROM pragma_table_info(?)", (schema.name,))}


def is_complete(database: Database) -> bool:
    """Whether every table is there with all its columns."""
    return all(_known_columns(database, schema) >= set(schema.names) for schema in TABLES.values())


def complete_tables(database: Database) -> None:
    """Add the tables and columns that are missing; only columns that may be null were ever added."""
    database.connection.execute(tables_sql())
    for schema in TABLES.values():
        for name in sorted(set(schema.names) - _known_columns(database, schema)):
            kind = _SQL_TYPES[schema.field(name).kind]
            database.connection.execute(f'ALTER TABLE {schema.name} ADD COLUMN "{name}" {kind}')


def _names(names: Sequence[str], order: str = "") -> str:
    return ", ".join(f'"{name}"{order}' for name in names)


# ------------------------------------------------------------------------------------------- writing


def write_rows(database: Database, schema: Schema, rows: pa.Table) -> None:
    """Write rows, in order, over those of the same key; the caller has a transaction open."""
    rows = conform(schema, rows)
    marks = ", ".join("?" * len(schema.fields))
    others = [name for name in schema.names if name not in schema.key]
    insert = f"INSERT INTO {schema.name} ({_names(schema.names)}) VALUES ({marks}) ON CONFLICT DO "  # noqa: S608 - names of our own schema
    update = f"{insert} UPDATE SET " + ", ".join(f'"{name}" = excluded."{name}"' for name in others)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in schema.key]))  # stable
    values = list(zip(*(_column_values(rows.column(name)) for name in schema.names), strict=True))
    if not has_symbols(schema):
        database.run_many(update, values)
        return
    for symbol, group in groupby(values, key=itemgetter(0)):
        part = list(group)
        added = database.run_many(f"{insert} NOTHING", part)
        if added < len(part):  # some were there already, which is rare enough to write all of them twice
            database.run_many(update, part)
        database.all(
            "INSERT INTO row_counts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET rows = rows + excluded.rows",
            (schema.name, symbol, added),
        )


def trim_rows(database: Database, *, schema: Schema, symbol: str, before: int, limit: int) -> bool:
    """Remove about ``limit`` of the oldest rows of a symbol before that time (ms); whether there may be more.

    The caller has a transaction open.
    """
    time, table = time_column(schema), schema.name
    old = f"FROM {table} WHERE symbol = ? AND {time} < ?"
    first = database.all(f"SELECT min({time}) {old}", (symbol, before))[0][0]
    if first is None:
        return False
    cut = database.all(f"SELECT {time} {old} ORDER BY {time} LIMIT 1 OFFSET ?", (symbol, before, limit))
    end = max(cut[0][0], first + 1) if cut else before
    removed = database.run_many(f"DELETE {old}", [(symbol, end)])
    database.all("UPDATE row_counts SET rows = rows - ? WHERE name = ? AND symbol = ?", (removed, table, symbol))
    return bool(cut)


def _column_values(column: pa.ChunkedArray) -> list[Any]:
    if column.null_count or pa.types.is_string(column.type):
        values: list[Any] = column.to_pylist()
    else:
        values = column.to_numpy().tolist()  # several times faster than to_pylist
    return values


# ------------------------------------------------------------------------------------------- reading


def read_rows(
    database: Database,
    schema: Schema,
    *,
    symbols: Sequence[str] | None,
    start: int | None,
    end: int | None,
    columns: Sequence[str],
    newest: int | None,
) -> pa.Table:
    """Rows of a table as the port says; the caller has a snapshot open."""
    time = time_column(schema)
    conditions: list[str] = []
    values: list[Any] = []
    for operator, bound in ((">=", start), ("<", end)):
        if bound is not None:
            conditions.append(f'"{time}" {operator} ?')
            values.append(bound)
    # What is needed to cut to the newest over all symbols, and to sort.
    needed = columns if newest is None else [*columns, *schema.key, time]
    fields = [schema.field(name) for name in dict.fromkeys(needed)]
    if not has_symbols(schema):
        if symbols is not None:
            conditions.append(f"symbol IN ({', '.join('?' * len(symbols))})")
            values += symbols
        parts = [_select(database, schema, fields, conditions=conditions, values=values, newest=newest)]
    else:
        known = [symbol for symbol, _ in _row_counts(database, schema)]
        chosen = known if symbols is None else sorted(set(symbols).intersection(known))
        parts = [
            _select(
                database,
                schema,
                fields,
                conditions=["symbol = ?", *conditions],
                values=[symbol, *values],
                newest=newest,
            )
            for symbol in chosen
        ]
    empty = pa.schema([arrow_schema(schema).field(field.name) for field in fields]).empty_table()
    rows = pa.concat_tables([empty, *parts])
    if newest is not None and len(rows) > newest:
        rows = _newest(rows, time, newest)
    return rows.select(list(columns))


def _select(
    database: Database,
    schema: Schema,
    fields: Sequence[Field],
    *,
    conditions: Sequence[str],
    values: Sequence[Any],
    newest: int | None,
) -> pa.Table:
    """The rows that meet all conditions, sorted by key; none, or nulls, when the file is older than table or column."""
    known = _known_columns(database, schema)
    if not known:
        return pa.schema([arrow_schema(schema).field(field.name) for field in fields]).empty_table()
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    source = schema.name + where
    if newest is not None:
        keys = _names(list(dict.fromkeys([time_column(schema), *schema.key])), " DESC")
        source = f"(SELECT * FROM {source} ORDER BY {keys} LIMIT {int(newest)})"  # noqa: S608 - names of our own
    chosen = ", ".join(f'"{one.name}"' if one.name in known else "NULL" for one in fields)
    sql = f"SELECT {chosen} FROM {source} ORDER BY {_names(schema.key)}"  # noqa: S608
    stream = chain.from_iterable(database.connection.execute(sql, values))
    wanted = pa.schema([arrow_schema(schema).field(field.name) for field in fields])
    blocks = [wanted.empty_table()]
    while block := list(islice(stream, _BLOCK_ROWS * len(fields))):
        # One flat list per block and a stride per column is a third faster than a tuple per row.
        arrays = [_array(field, block[index :: len(fields)]) for index, field in enumerate(fields)]
        blocks.append(pa.Table.from_arrays(arrays, schema=wanted))
    return pa.concat_tables(blocks)


def _array(field: Field, values: list[Any]) -> pa.Array:
    if field.kind is Kind.TEXT:
        return pa.array(values, pa.string())
    if not field.nullable:
        return pa.array(np.fromiter(values, _NUMPY_TYPES[field.kind], len(values)))
    if field.kind is Kind.BOOLEAN:
        return pa.array([None if value is None else bool(value) for value in values], pa.bool_())
    return pa.array(values, pa.from_numpy_dtype(_NUMPY_TYPES[field.kind]))


def _newest(rows: pa.Table, time: str, count: int) -> pa.Table:
    """The ``count`` rows with the largest times; of equal ones those that come last."""
    numbered = pa.table({"time": rows.column(time), "number": pa.array(np.arange(len(rows)))})
    order = pc.sort_indices(numbered, sort_keys=[("time", "descending"), ("number", "descending")])
    return rows.take(np.sort(order.to_numpy()[:count]))


def _row_counts(database: Database, schema: Schema) -> list[tuple[Any, ...]]:
    return database.all("SELECT symbol, rows FROM row_counts WHERE name = ? ORDER BY symbol", (schema.name,))


def extents(database: Database, schema: Schema) -> list[Extent]:
    """Per symbol, how much the table holds; the caller has a snapshot open."""
    if not has_symbols(schema):
        return []
    time = time_column(schema)
    bounds = (
        f"SELECT (SELECT min({time}) FROM {schema.name} WHERE symbol = ?1), "  # noqa: S608 - names of our own
        f"(SELECT max({time}) FROM {schema.name} WHERE symbol = ?1)"
    )
    return [Extent(symbol, rows, *database.all(bounds, (symbol,))[0]) for symbol, rows in _row_counts(database, schema)]
