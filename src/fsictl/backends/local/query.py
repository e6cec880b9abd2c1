"""SQL of people, which may read everything and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import apsw
import pyarrow as pa

from fsictl.backends.local.database import Database, storage_errors
from fsictl.errors import InputError

_ALLOWED = frozenset(
    {apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE, apsw.SQLITE_PRAGMA}
)
_ALLOWED_PRAGMAS = frozenset({"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"})
_DENIED_FUNCTIONS = frozenset({"load_extension"})
_DECLARED = {"TEXT": pa.string(), "INTEGER": pa.int64(), "REAL": pa.float64(), "BOOLEAN": pa.bool_()}
_STEPS_BETWEEN_LOOKS = 100_000


def run_query(database: Database, sql: str, limit: int | None) -> pa.Table:
    """The result of one statement that reads; at most ``limit`` rows of it."""
    descriptions: list[tuple[tuple[str, str | None], ...]] = []

    def remember(cursor: apsw.Cursor, _sql: str, _values: object) -> bool:
        description = cursor.get_description()
        if description and descriptions:  # a comment after the statement is none
            message = "more than one SQL statement was given"
            raise InputError(message, hint="Ask one question at a time.")
        if description:
            descriptions.append(description)
        return True

    connection = database.connection
    connection.execute("PRAGMA query_only = ON")
    connection.authorizer = _authorize
    connection.set_progress_handler(_carry_on, _STEPS_BETWEEN_LOOKS)
    cursor = connection.cursor()
    cursor.exec_trace = remember
    try:
        with storage_errors(database.path):
            rows = list(islice(cursor.execute(sql), limit))
    except (apsw.SQLError, apsw.AuthError, apsw.ReadOnlyError, apsw.MismatchError, apsw.TooBigError) as error:
        raise _refused(error) from error
    except apsw.BindingsError as error:
        message = "the SQL has a parameter without a value"
        raise InputError(message, hint="Write the values into the SQL.") from error
    except ValueError as error:  # characters that are none in UTF-8, in the SQL or in what it makes; NUL
        message = f"the SQL or its result is not text: {error}"
        raise InputError(message, hint="Use hex() to look at bytes.") from error
    finally:
        cursor.close(True)
    if not descriptions:
        message = "the SQL asks for nothing"
        raise InputError(message, hint="Begin with SELECT, as in: SELECT * FROM metrics LIMIT 5.")
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(descriptions[0])
    arrays = [_array(values, declared) for values, (_, declared) in zip(columns, descriptions[0], strict=True)]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in descriptions[0]])


def _authorize(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    allowed = action in _ALLOWED
    if action == apsw.SQLITE_PRAGMA:
        allowed = first in _ALLOWED_PRAGMAS
    elif action == apsw.SQLITE_FUNCTION:
        allowed = second not in _DENIED_FUNCTIONS
    return apsw.SQLITE_OK if allowed else apsw.SQLITE_DENY


def _carry_on() -> bool:
    """Called now and then while SQLite computes, so that Python can act on Ctrl-C."""
    return False


def _refused(error: apsw.Error) -> InputError:
    if isinstance(error, apsw.AuthError | apsw.ReadOnlyError) or "not authorized" in str(error):
        message = "only SQL that reads is allowed here"
        return InputError(message, hint="Use SELECT; tables change through their pipelines alone.")
    text = str(error).removeprefix("SQLError: ")
    return InputError(
        f"SQLite does not take this SQL: {text}",
        hint="`SELECT name FROM sqlite_schema WHERE type = 'table'` lists the tables.",
    )


def _array(values: Sequence[Any], declared: str | None) -> pa.Array:
    """One column, of its declared type when its values are of it, else of the type that all of them have."""
    wanted = _DECLARED.get((declared or "").upper())
    if wanted is not None:
        fitting = [value for value in values if value is not None]
        if wanted == pa.bool_() and all(type(value) is int and value in (0, 1) for value in fitting):
            return pa.array([None if value is None else bool(value) for value in values], wanted)
        python = {pa.string(): str, pa.int64(): int, pa.float64(): float}.get(wanted)
        if all(type(value) is python for value in fitting):
            return pa.array(values, wanted)
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float} and all(abs(v) <= 2**53 for v in values if type(v) is int):
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if len(kinds) <= 1:
        return pa.array(values)
    return pa.array([None if v is None else _text(v) for v in values], pa.string())


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
