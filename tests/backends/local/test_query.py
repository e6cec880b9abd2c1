"""What SQL of people may do on SQLite, and what comes out of it."""

from __future__ import annotations

import signal
from pathlib import Path

import pyarrow as pa
import pytest
from tests.backends.samples import prices

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.errors import InputError, StorageError


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    warehouse = LocalWarehouse(tmp_path, ManualClock())
    warehouse.write("prices", prices(("A", 1, 1.0), ("A", 2, 2.0)))
    return warehouse


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH '{}/other.db' AS other",
        "VACUUM INTO '{}/copy.db'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = OFF",
        "PRAGMA writable_schema = ON",
        "SELECT load_extension('{}/evil')",
        "CREATE TEMP TABLE t (x)",
        "BEGIN",
        "ANALYZE",
        "REINDEX",
    ],
)
def test_nothing_but_reading_is_allowed(warehouse, tmp_path, sql):
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError, match="only SQL that reads"):
        warehouse.query(sql.format(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ?",
        "SELECT :name",
        "SELECT abs(-9223372036854775808)",
        "SELECT zeroblob(3e9)",
        "SELECT json('x')",
        "SELECT 1 LIMIT 'x'",
        "SELECT 1\x00",
        "SELECT '\udcff'",
        "SELECT CAST(x'ff' AS TEXT)",
    ],
)
def test_other_mistakes_are_the_users_too(warehouse, sql):
    with pytest.raises(InputError):
        warehouse.query(sql)


def test_looking_at_tables_is_allowed(warehouse):
    assert warehouse.query("PRAGMA table_info(prices)")["name"].to_pylist() == [
        "symbol",
        "timestamp",
        "sequence",
        "value",
    ]
    assert len(warehouse.query("EXPLAIN QUERY PLAN SELECT * FROM prices WHERE symbol = 'A'")) == 1
    assert "metrics" in warehouse.query("SELECT name FROM sqlite_schema")["name"].to_pylist()


@pytest.mark.parametrize(
    ("sql", "kind", "values"),
    [
        ("SELECT 1 AS x UNION ALL SELECT 2", pa.int64(), [1, 2]),
        ("SELECT 1 AS x UNION ALL SELECT 2.5", pa.float64(), [1.0, 2.5]),
        ("SELECT 1 AS x UNION ALL SELECT NULL", pa.int64(), [1, None]),
        ("SELECT 1 AS x UNION ALL SELECT 'a'", pa.string(), ["1", "a"]),
        ("SELECT 9007199254740993 AS x UNION ALL SELECT 0.5", pa.string(), ["9007199254740993", "0.5"]),
        ("SELECT x'00ff' AS x", pa.binary(), [b"\x00\xff"]),
        ("SELECT x'00ff' AS x UNION ALL SELECT 'a'", pa.string(), ["00ff", "a"]),
        ("SELECT NULL AS x", pa.null(), [None]),
        ("SELECT 1 AS x WHERE 0", pa.null(), []),
        ("SELECT 9e999 AS x", pa.float64(), [float("inf")]),
        ("SELECT symbol AS x FROM prices UNION ALL SELECT 1", pa.string(), ["A", "A", "1"]),
        ("SELECT timestamp AS x FROM prices", pa.int64(), [1, 2]),
    ],
)
def test_the_type_of_a_column_is_that_of_its_values(warehouse, sql, kind, values):
    table = warehouse.query(sql)
    assert table.schema.names == ["x"]
    assert table.schema.types == [kind]
    assert table["x"].to_pylist() == values


def test_columns_of_the_same_name_are_kept(warehouse):
    assert warehouse.query("SELECT 1 AS x, 2 AS x").schema.names == ["x", "x"]


def test_a_comment_and_a_semicolon_do_no_harm(warehouse):
    assert warehouse.query("-- how many\nSELECT count(*) AS n FROM prices; -- that many\n")["n"].to_pylist() == [2]


def test_an_endless_query_can_be_interrupted(warehouse):
    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            warehouse.query("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_an_endless_result_ends_at_the_limit(warehouse):
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    assert warehouse.query(numbers, limit=3)["x"].to_pylist() == [1, 2, 3]


def test_a_damaged_file_is_not_the_querys_fault(warehouse, tmp_path):
    warehouse.write("prices", prices(*(("A", t, 1.0) for t in range(1000))))
    warehouse.close()
    path = tmp_path / "warehouse.db"
    content = bytearray(path.read_bytes())
    root = LocalWarehouse(tmp_path, ManualClock()).query("SELECT rootpage FROM sqlite_schema WHERE name = 'prices'")
    start = (root["rootpage"][0].as_py() - 1) * 4096
    content[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    for ask in (lambda: warehouse.query("SELECT sum(value) FROM prices"), lambda: warehouse.read("prices")):
        with pytest.raises(StorageError, match="damaged"):
            ask()
