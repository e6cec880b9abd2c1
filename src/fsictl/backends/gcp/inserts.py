"""How rows get into a table of BigQuery: streamed, or loaded as a file."""

from __future__ import annotations

import io
import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.schemas import WRITTEN, columns, partition
from fsictl.errors import InputError
from fsictl.records.schemas import Kind, Schema

if TYPE_CHECKING:
    from google.cloud.bigquery import Client

ROWS_AT_ONCE = 500
"""Rows of one streaming request; BigQuery advises no more."""

ROWS_TO_LOAD = 20_000
"""From so many rows on a load job is faster, and free. BigQuery allows 1,500 of them a day and table."""

_DAY_MS = 86_400_000
_STREAMED_BACK, _STREAMED_AHEAD = 3_600 * _DAY_MS, 300 * _DAY_MS
"""Partitions take streamed rows from ten years before to one year after now; this is a little less."""

_LAST_MS = 253_402_300_799_999
"""The end of the year 9999, after which BigQuery knows no time."""

_TIMEOUT, _LOAD_WITHIN = 60.0, 600.0


def to_be_loaded(schema: Schema, rows: pa.Table, now_ms: int) -> bool:
    """Whether these rows are loaded: they are many, or too old for a stream."""
    if rows.num_rows >= ROWS_TO_LOAD:
        return True
    cut_by = partition(schema)
    if cut_by is None:
        return False
    bounds = pc.min_max(rows.column(cut_by)).as_py()
    return bool(bounds["min"] < now_ms - _STREAMED_BACK or bounds["max"] > now_ms + _STREAMED_AHEAD)


def insert_rows(access: Access, client: Client, place: str, schema: Schema, rows: pa.Table, *, first_us: int) -> None:
    """Stream rows, each with the time at which it was written: µs from ``first_us`` on, one after the other.

    A request that is repeated writes the same rows again, with the same times.
    """
    names = [*schema.names, WRITTEN.name]
    for first, part in _parts(_within_time(schema, rows)):
        values = [_values(part.column(field.name), field.kind) for field in schema.fields]
        stamps = [str(first_us + first + number) for number in range(part.num_rows)]
        documents = [dict(zip(names, row, strict=True)) for row in zip(*values, stamps, strict=True)]
        _insert(access, client, place, documents)


def _insert(access: Access, client: Client, place: str, documents: Sequence[Mapping[str, Any]]) -> None:
    def insert() -> Any:
        return client.insert_rows_json(
            place,
            documents,
            row_ids=[None] * len(documents),  # natural keys do better what these would do for a minute
            retry=None,
            timeout=_TIMEOUT,
        )

    refused = access.call(insert, f"write to {place}")
    if refused:
        errors = [one for each in refused for one in each["errors"]]
        first: dict[str, Any] = next((one for one in errors if one.get("reason") != "stopped"), errors[0])
        what = f"{first.get('location') or 'a row'}: {first.get('message') or first.get('reason')}"
        message = f"the table {place} does not take our rows: {what}"
        raise InputError(message, hint="Its columns must be those of this version: `fsictl infra plan` compares them.")


def load_rows(access: Access, client: Client, place: str, schema: Schema, rows: pa.Table, *, first_us: int) -> None:
    """Load rows as a Parquet file in one job: afterwards all are there, or none.

    A job that is sent again has the same identifier, by which BigQuery knows it.
    """
    from google.api_core.exceptions import Conflict
    from google.cloud import bigquery

    data = _as_parquet(_within_time(schema, rows), schema, first_us)
    job_id = f"fsictl-{uuid.uuid4().hex}"
    settings = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        schema=[bigquery.SchemaField.from_api_repr(column) for column in columns(schema)],
    )

    def load() -> Any:
        file = io.BytesIO(data)
        job: Any
        try:
            job = client.load_table_from_file(
                file, place, num_retries=0, job_id=job_id, job_config=settings, timeout=_TIMEOUT
            )
        except Conflict:  # an earlier try was heard, its answer was not
            job = client.get_job(job_id, retry=None, timeout=_TIMEOUT)
        return job.result(retry=None, timeout=_LOAD_WITHIN)

    access.call(load, f"load rows into {place}")


def _as_parquet(rows: pa.Table, schema: Schema, first_us: int) -> bytes:
    import pyarrow.parquet as pq

    made = {}
    for field in schema.fields:
        column = rows.column(field.name)
        if field.kind is Kind.TIMESTAMP:
            column = column.cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp("us", "UTC"))
        elif field.kind is Kind.FLOAT and field.nullable:
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
        made[field.name] = column
    made[WRITTEN.name] = pa.array(np.arange(first_us, first_us + rows.num_rows, dtype=np.int64))
    file = io.BytesIO()
    pq.write_table(pa.table(made), file)
    return file.getvalue()


def _within_time(schema: Schema, rows: pa.Table) -> pa.Table:
    for field in schema.fields:
        if field.kind is Kind.TIMESTAMP and rows.num_rows:
            bounds = pc.min_max(rows.column(field.name)).as_py()
            if not 0 <= bounds["min"] <= bounds["max"] <= _LAST_MS:
                message = f"these are not rows of the table {schema.name}: {field.name} is beyond the year 9999"
                raise InputError(message, hint="BigQuery keeps times from 1970 to 9999 for us; nothing was written.")
    return rows


def _parts(rows: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    for first in range(0, rows.num_rows, ROWS_AT_ONCE):
        yield first, rows.slice(first, ROWS_AT_ONCE)


def _values(column: pa.ChunkedArray, kind: Kind) -> list[Any]:
    """A column in JSON's types as BigQuery reads them: whole numbers as text, which keeps all 64 bits."""
    values: list[Any] = column.to_pylist()
    if kind is Kind.INTEGER:
        return [None if value is None else str(value) for value in values]
    if kind is Kind.TIMESTAMP:
        return [str(moment) + "Z" for moment in np.array(values, "datetime64[ms]")]
    if kind is Kind.FLOAT:
        return [_number(value) for value in values]
    return values


def _number(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
