from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

from fsictl.errors import InputError, StorageError
from fsictl.records.arrow import arrow_schema, ticks_to_table
from fsictl.records.files import ENDINGS, write_rows
from fsictl.records.schemas import PRICES
from fsictl.records.ticks import Ticks

SCHEMA = arrow_schema(PRICES)


def _table(values: list[float]) -> pa.Table:
    return ticks_to_table(Ticks.of(["A"] * len(values), range(len(values)), values))


def _read(file: Path) -> pa.Table:
    if file.suffix == ".parquet":
        return parquet.read_table(file)
    if file.suffix == ".csv":
        return csv.read_csv(file).cast(SCHEMA) if file.stat().st_size > 40 else SCHEMA.empty_table()
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.floats(1e-9, 1e9), max_size=4), max_size=5), st.sampled_from(ENDINGS))
def test_rows_come_back_however_they_are_chunked(tmp_path: Path, parts: list[list[float]], ending: str) -> None:
    file = tmp_path / f"rows{ending}"
    chunked = pa.concat_tables([SCHEMA.empty_table(), *map(_table, parts), SCHEMA.empty_table()])
    written = write_rows(file, SCHEMA, [chunked, *map(_table, parts)])
    expected = pa.concat_tables([*map(_table, parts), *map(_table, parts), SCHEMA.empty_table()])
    assert written == expected.num_rows
    assert b"\0" not in file.read_bytes() or ending == ".parquet"
    assert _read(file).equals(expected)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failure_leaves_what_was_there_before(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"rows{ending}"
    write_rows(file, SCHEMA, [_table([1.0])])
    before = file.read_bytes()

    def broken() -> Iterator[pa.Table]:
        yield _table([2.0])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_rows(file, SCHEMA, broken())
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_other_endings_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_rows(tmp_path / "rows.xlsx", SCHEMA, [])
    with pytest.raises(StorageError):
        write_rows(tmp_path / "none" / "rows.csv", SCHEMA, [])
