"""Whether a table of BigQuery has the columns of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.schemas import columns
from fsictl.errors import PreconditionError
from fsictl.records.schemas import Schema

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

_SAME = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
"""BigQuery has two names for some types."""


class TableDiffersError(PreconditionError):
    """A table is there, but not as this version of fsictl makes it."""


def check_table(access: Access, client: Client, place: str, schema: Schema) -> None:
    """Raise ``TableDiffersError`` when the table of that full name cannot take or give our rows.

    Columns that we do not know do no harm while they may be empty.
    """

    def look() -> Any:
        return client.get_table(place, retry=None, timeout=60.0)

    different = difference(schema, access.call(look, f"look at {place}").schema)
    if different is not None:
        message = f"the table {place} is not as this version of fsictl makes it: {different}"
        raise TableDiffersError(message, hint="`fsictl infra plan` shows what would change it; or set gcp.dataset.")


def difference(schema: Schema, found: Iterable[Any]) -> str | None:
    """The first thing in which BigQuery's columns (with ``name``, ``field_type``, ``mode``) differ from ours."""
    there = {field.name: (_SAME.get(field.field_type, field.field_type), field.mode or "NULLABLE") for field in found}
    for ours in columns(schema):
        if ours["name"] not in there:
            return f"it has no column {ours['name']}"
        kind, mode = there.pop(ours["name"])
        if kind != ours["type"]:
            return f"its column {ours['name']} is {kind}, not {ours['type']}"
        if mode == "REPEATED" or (mode == "REQUIRED" and ours["mode"] == "NULLABLE"):
            return f"its column {ours['name']} is {mode}, not {ours['mode']}"
    strange = [name for name, (_, mode) in there.items() if mode == "REQUIRED"]
    return f"it needs a column {strange[0]}, which we do not have" if strange else None
