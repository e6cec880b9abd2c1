"""What every warehouse must do, in the words of its port."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.backends.samples import T0, prices, row, rows_of

from fsictl.errors import InputError
from fsictl.ports.messenger import Commit
from fsictl.records.arrow import arrow_schema
from fsictl.records.message import Message
from fsictl.records.schemas import METRICS, PRICES, RECONERR, TABLES, TRAINING_RUNS, Kind, Schema


def keys(table: pa.Table) -> list[tuple[str, int]]:
    return list(zip(table["symbol"].to_pylist(), table["timestamp"].to_pylist(), strict=True))


@pytest.fixture
def filled(backend):
    """Ticks of A at 0…9, of B at 5…14 and of C at 20."""
    ticks = [("A", t, 1.0 + t) for t in range(10)] + [("B", t, 2.0 + t) for t in range(5, 15)] + [("C", 20, 3.0)]
    backend.warehouse.write("prices", prices(*reversed(ticks)))
    return backend


@pytest.mark.parametrize("schema", TABLES.values(), ids=list(TABLES))
def test_before_the_first_write_every_table_is_empty(backend, schema):
    table = backend.warehouse.read(schema.name)
    assert table.schema == arrow_schema(schema)
    assert len(table) == 0
    assert backend.warehouse.extents(schema.name) == []
    sql = f"SELECT count(*) AS n FROM {schema.name}"
    assert backend.warehouse.query(sql).to_pydict() == {"n": [0]}


def test_tables_and_columns_that_are_not_there(backend):
    with pytest.raises(InputError, match="nothing"):
        backend.warehouse.read("nothing")
    with pytest.raises(InputError, match="nothing"):
        backend.warehouse.extents("nothing")
    with pytest.raises(InputError, match="nothing"):
        backend.warehouse.write("nothing", prices())
    with pytest.raises(InputError, match='value" FROM prices; --'):
        backend.warehouse.read("prices", columns=['value" FROM prices; --'])


def test_reading_is_sorted_by_key_and_has_the_schema(filled):
    table = filled.warehouse.read("prices")
    assert table.schema == arrow_schema(PRICES)
    assert keys(table) == [("A", t) for t in range(10)] + [("B", t) for t in range(5, 15)] + [("C", 20)]
    assert table["value"].to_pylist()[:2] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ({"symbols": ["A"], "start": 3, "end": 6}, [("A", 3), ("A", 4), ("A", 5)]),
        ({"start": 8, "end": 10}, [("A", 8), ("A", 9), ("B", 8), ("B", 9)]),
        ({"symbols": ["C", "B", "B"], "start": 14}, [("B", 14), ("C", 20)]),
        ({"end": 1}, [("A", 0)]),
        ({"start": 6, "end": 6}, []),
        ({"symbols": []}, []),
        ({"symbols": ["none"]}, []),
        ({"symbols": ["A' OR 1=1 --"]}, []),
        ({"newest": 3}, [("B", 13), ("B", 14), ("C", 20)]),
        ({"newest": 3, "symbols": ["A"]}, [("A", 7), ("A", 8), ("A", 9)]),
        ({"newest": 2, "symbols": ["A"], "end": 5}, [("A", 3), ("A", 4)]),
        ({"newest": 0}, []),
        ({"newest": 100, "symbols": ["C"]}, [("C", 20)]),
    ],
)
def test_ranges(filled, ask, expected):
    assert keys(filled.warehouse.read("prices", **ask)) == expected


@pytest.mark.parametrize("newest", [None, 1, 2])
def test_only_the_columns_asked_for_in_that_order(filled, newest):
    table = filled.warehouse.read("prices", symbols=["A"], columns=["value", "timestamp"], newest=newest)
    assert table.schema.names == ["value", "timestamp"]
    assert table["timestamp"].to_pylist() == list(range(10))[-(newest or 10) :]


def test_no_columns_are_a_mistake(filled):
    with pytest.raises(InputError, match="column"):
        filled.warehouse.read("prices", columns=[])


def test_a_negative_number_of_rows_is_a_mistake(filled):
    with pytest.raises(InputError, match="-1"):
        filled.warehouse.read("prices", newest=-1)
    with pytest.raises(InputError, match="-1"):
        filled.warehouse.query("SELECT 1", limit=-1)


def test_writing_twice_changes_nothing_and_a_new_row_replaces_the_old(filled):
    before = filled.warehouse.read("prices")
    filled.warehouse.write("prices", before)
    assert filled.warehouse.read("prices").equals(before)
    extents = filled.warehouse.extents("prices")
    filled.warehouse.write("prices", prices(("A", 3, 9.0), ("D", 1, 1.0), ("A", 3, 10.0)))
    assert filled.warehouse.read("prices", symbols=["A"], start=3, end=4)["value"].to_pylist() == [10.0]
    assert [(e.symbol, e.rows) for e in filled.warehouse.extents("prices")] == [
        *((e.symbol, e.rows) for e in extents),
        ("D", 1),
    ]


def test_extents(filled):
    found = {e.symbol: (e.rows, e.first, e.last) for e in filled.warehouse.extents("prices")}
    assert list(found.items()) == [("A", (10, 0, 9)), ("B", (10, 5, 14)), ("C", (1, 20, 20))]


def test_training_runs_have_no_symbols_and_are_read_by_the_time_they_ended(backend):
    runs = [row(TRAINING_RUNS, run_id=f"r{n}", at=T0 + (n * 7) % 5, symbol="A" if n % 2 else "*") for n in range(5)]
    backend.warehouse.write("training_runs", rows_of(TRAINING_RUNS, runs))
    backend.warehouse.write("training_runs", rows_of(TRAINING_RUNS, runs[:2]))
    read = backend.warehouse.read
    assert read("training_runs").to_pylist() == runs
    assert read("training_runs", newest=2)["run_id"].to_pylist() == ["r2", "r4"]
    assert read("training_runs", newest=2, columns=["at"])["at"].to_pylist() == [T0 + 4, T0 + 3]
    assert read("training_runs", start=T0 + 1, end=T0 + 3)["run_id"].to_pylist() == ["r1", "r3"]
    assert read("training_runs", symbols=["A"])["run_id"].to_pylist() == ["r1", "r3"]
    assert backend.warehouse.extents("training_runs") == []


# ------------------------------------------------------------------------------------- what goes in


def test_nan_is_null_where_null_is_allowed_and_a_mistake_elsewhere(backend):
    good = row(METRICS, symbol="A", RELATIVE_STRENGTH=math.nan, LOG_RTN=math.inf, FIRST=-math.inf)
    backend.warehouse.write("metrics", rows_of(METRICS, [good]))
    (found,) = backend.warehouse.read("metrics").to_pylist()
    assert found == {**good, "RELATIVE_STRENGTH": None}
    with pytest.raises(InputError, match="LOG_RTN"):
        backend.warehouse.write("metrics", rows_of(METRICS, [{**good, "symbol": "B"}, {**good, "LOG_RTN": math.nan}]))
    assert len(backend.warehouse.read("metrics")) == 1


def test_rows_that_do_not_fit_are_refused_as_a_whole(backend):
    good = prices(("A", 1, 1.0))
    unfit = {
        "value is missing": good.drop_columns(["value"]),
        "text for a number": good.set_column(3, "value", pa.array(["x"])),
        "no symbol": good.set_column(0, "symbol", pa.array([None], pa.string())),
        "half a millisecond": good.set_column(1, "timestamp", pa.array([0.5])),
    }
    for rows in unfit.values():
        with pytest.raises(InputError, match="prices"):
            backend.warehouse.write("prices", rows)
    assert len(backend.warehouse.read("prices")) == 0


def test_rows_in_chunks_other_orders_and_encodings_are_taken(backend):
    table = pa.concat_tables([prices(("B", 2, 1.0)), prices(("A", 1, 1.0), ("B", 1, 1.0))])
    table = table.select(["value", "symbol", "sequence", "timestamp"])
    table = table.set_column(1, "symbol", table["symbol"].dictionary_encode())
    backend.warehouse.write("prices", table)
    backend.warehouse.write("prices", prices())
    assert keys(backend.warehouse.read("prices")) == [("A", 1), ("B", 1), ("B", 2)]


def _column(kind: Kind) -> st.SearchStrategy[Any]:
    return {
        Kind.TEXT: st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        Kind.INTEGER: st.integers(-(2**63), 2**63 - 1),
        Kind.FLOAT: st.floats(allow_nan=False),
        Kind.BOOLEAN: st.booleans(),
        Kind.TIMESTAMP: st.integers(0, 253_402_300_799_999),
    }[kind]


def _row(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            field.name: st.none() | _column(field.kind) if field.nullable else _column(field.kind)
            for field in schema.fields
        }
    )


@pytest.mark.parametrize("schema", TABLES.values(), ids=list(TABLES))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_rows_come_back_as_they_were(backend, schema, data):
    rows = data.draw(st.lists(_row(schema), max_size=5))
    table = rows_of(schema, rows)
    backend.warehouse.write(schema.name, table)
    written = {tuple(r[name] for name in schema.key): r for r in rows}
    found = backend.warehouse.read(schema.name)
    assert found.schema == arrow_schema(schema)
    found_keys = list(zip(*(found[name].to_pylist() for name in schema.key), strict=True))
    assert found_keys == sorted(found_keys)
    by_key = dict(zip(found_keys, found.to_pylist(), strict=True))
    assert {key: by_key[key] for key in written} == written


# -------------------------------------------------------------------------------------------- sink


def test_the_sink_commits_rows_place_and_counters_together(backend):
    backend.messenger.publish([("prices", Message(b"1", {})), ("prices", Message(b"2", {}))])
    with backend.warehouse.sink("sink", ["prices", "metrics"]) as sink:
        pulled = backend.pull(sink, 1)
        unfit = {"prices": prices(("A", 1, 1.0)), "metrics": prices()}
        with pytest.raises(InputError, match="metrics"):
            sink.commit(Commit(taken=pulled, rows=unfit, counters={"rows": 1}))
        assert len(backend.warehouse.read("prices")) == 0
        assert dict(sink.recover().counters) == {}
        sink.commit(Commit(taken=pulled, rows={"prices": prices(("A", 1, 1.0))}, counters={"rows": 1}))
    assert keys(backend.warehouse.read("prices")) == [("A", 1)]
    with backend.warehouse.sink("sink", ["prices", "metrics"]) as sink:
        assert [item.message.data for item in backend.pull(sink, 10, 1)] == [b"2"]
        assert dict(sink.recover().counters) == {"rows": 1}


def test_the_sink_publishes_nothing_but_dead_letters(backend):
    with backend.warehouse.sink("sink", ["prices"]) as sink, pytest.raises(ValueError, match="sink"):
        sink.commit(Commit(outgoing=[("prices", Message(b"", {}))]))


# ------------------------------------------------------------------------------------------- queries


def test_query_gives_names_and_types(filled):
    table = filled.warehouse.query(
        "SELECT symbol, count(*) AS n, avg(value) AS mean, max(timestamp) FROM prices GROUP BY symbol ORDER BY symbol"
    )
    assert table["symbol"].to_pylist() == ["A", "B", "C"]
    assert table["n"].to_pylist() == [10, 10, 1]
    assert [str(t) for t in table.schema.types[:3]] == ["string", "int64", "double"]
    assert len(filled.warehouse.query("SELECT * FROM prices", limit=4)) == 4
    assert len(filled.warehouse.query("SELECT * FROM prices", limit=0)) == 0


def test_query_gives_booleans_as_booleans_and_types_without_rows(backend):
    verdicts = [row(RECONERR, symbol="A", unreliable=True), row(RECONERR, symbol="B", unreliable=None)]
    backend.warehouse.write("reconerr", rows_of(RECONERR, verdicts))
    table = backend.warehouse.query("SELECT unreliable, reconstruction_error FROM reconerr ORDER BY symbol")
    assert table["unreliable"].to_pylist() == [True, None]
    assert table.schema.types == [pa.bool_(), pa.float64()]
    empty = backend.warehouse.query("SELECT * FROM reconerr WHERE symbol = 'C'")
    assert empty.schema.types == arrow_schema(RECONERR).types


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM prices",
        "INSERT INTO prices VALUES ('Z', 1, 0, 1.0)",
        "UPDATE prices SET value = 0",
        "DROP TABLE prices",
        "CREATE TABLE t (x)",
        "WITH x AS (SELECT 1) DELETE FROM prices",
        "SELECT * FROM nothing",
        "SELECT FROM",
        "hello",
        "",
        "SELECT 1; DELETE FROM prices",
        "SELECT 1; SELECT 2",
    ],
)
def test_query_refuses_what_is_not_one_question(filled, sql):
    before = filled.warehouse.read("prices")
    with pytest.raises(InputError) as refused:
        filled.warehouse.query(sql)
    assert refused.value.hint
    assert "\n" not in str(refused.value)
    assert filled.warehouse.read("prices").equals(before)
