"""Whether rows are what a table takes, whichever store keeps it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from fsictl.errors import InputError
from fsictl.records.arrow import arrow_schema
from fsictl.records.schemas import Kind, Schema


def has_symbols(schema: Schema) -> bool:
    """Whether the table's rows are kept by symbol."""
    return schema.key[0] == "symbol"


def time_column(schema: Schema) -> str:
    """The column by whose range rows are read: the first timestamp."""
    return next(field.name for field in schema.fields if field.kind is Kind.TIMESTAMP)


def conform(schema: Schema, rows: pa.Table) -> pa.Table:
    """The same rows with exactly the columns of ``schema``.

    ``InputError`` when a column is missing, has another type, or lacks a value that it must have. NaN in a
    column that may be null is taken for null by the stores; in any other column it is an error.
    """
    wanted = arrow_schema(schema)
    there = set(rows.column_names)
    missing = [name for name in schema.names if name not in there]
    if missing:
        raise _unfit(schema, f"the column {missing[0]} is missing")
    rows = rows.select(list(schema.names))
    for name in schema.names:
        nulls = 0 if wanted.field(name).nullable else rows.column(name).null_count
        if nulls:
            raise _unfit(schema, f"{name} has no value in {nulls} of {len(rows)} rows")
    if not rows.schema.equals(wanted):
        try:
            rows = rows.cast(wanted)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise _unfit(schema, str(error)) from error
    for field in schema.fields:
        if field.kind is Kind.FLOAT and not field.nullable and pc.any(pc.is_nan(rows.column(field.name))).as_py():
            raise _unfit(schema, f"{field.name} is not a number in at least one row")
    return rows


def _unfit(schema: Schema, what: str) -> InputError:
    return InputError(
        f"these are not rows of the table {schema.name}: {what}",
        hint="Nothing was written; the columns and their types are those of fsictl.records.schemas.",
    )
