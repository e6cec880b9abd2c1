"""Files of transactions: what can be used is, and the rest is kept."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from fsictl.clients.files import BadTransactionError, read_transactions, transaction_of
from fsictl.errors import InputError
from fsictl.records.message import Reject

HEADER = "customer,date,amount\n"


def _read(path: Path) -> tuple[list[dict], list[Reject]]:
    rows: list[dict] = []
    rejects: list[Reject] = []
    for table, refused in read_transactions(path):
        rows += table.to_pylist()
        rejects += refused
    return rows, rejects


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    said = [("7", "1997-01-01", 29.33), ("7", "1997-01-01T12:00:00+01:00", -5.0), ("8", "852076800000", 0.0)]
    csv, jsonl, table = tmp_path / "t.csv", tmp_path / "t.jsonl", tmp_path / "t.parquet"
    csv.write_text("Customer,Date,Amount,note\n" + "".join(f"{c},{d},{a},x\n" for c, d, a in said))
    jsonl.write_text("".join(json.dumps({"client_id": c, "time": d, "value": a}) + "\n" for c, d, a in said))
    columns = {
        "client": [c for c, _, _ in said],
        "timestamp": [d for _, d, _ in said],
        "amount": [a for _, _, a in said],
    }
    parquet.write_table(pa.table(columns), table)
    rows, rejects = _read(csv)
    assert not rejects
    assert [row["timestamp"] for row in rows] == [852_076_800_000, 852_116_400_000, 852_076_800_000]
    assert _read(jsonl) == (rows, [])
    assert _read(table) == (rows, [])


def test_equal_rows_are_two_transactions_and_the_same_file_gives_the_same_ones(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(HEADER + "7,1997-01-01,29.33\n7,1997-01-01,29.33\n")
    (first, second), _ = _read(file)
    assert first["transaction_id"] != second["transaction_id"]
    assert _read(file)[0] == [first, second]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",1997-01-01,1", "bad-client"),
        ("7,yesterday,1", "bad-timestamp"),
        ("7,1969-12-31,1", "bad-timestamp"),
        ("7,1997-01-01,much", "bad-amount"),
        ("7,1997-01-01,nan", "bad-amount"),
        ("7,1997-01-01,1e300", "bad-amount"),
        ("7,1997-01-01", "malformed"),
        ("7,1997-01-01,1,2", "malformed"),
    ],
)
def test_a_bad_row_is_kept_with_its_line_and_stops_nothing(tmp_path: Path, row: str, reason: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"{HEADER}6,1997-01-01,1\n{row}\n8,1997-01-01,1\n")
    rows, (reject,) = _read(file)
    assert [one["client_id"] for one in rows] == ["6", "8"]
    assert (reject.reason, reject.data, reject.origin) == (reason, row.encode(), "t.csv:3")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.txt", HEADER),
        ("t.csv", ""),
        ("t.csv", "customer,amount\n1,2\n"),
        ("t.parquet", "no parquet"),
        ("missing.csv", None),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_reason(tmp_path: Path, name: str, text: str | None) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as refused:
        _read(tmp_path / name)
    assert refused.value.hint


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers())


@given(row=st.dictionaries(st.sampled_from(["client_id", "timestamp", "amount", "symbol", "side", "price"]), VALUES))
def test_whatever_a_row_says_it_is_a_transaction_or_has_a_reason(row: dict) -> None:
    try:
        made = transaction_of(row, Counter())
    except BadTransactionError:
        return
    assert made["client_id"]
    assert made["timestamp"] >= 0
    assert abs(made["amount"]) <= 1e15


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), ending=st.sampled_from(["csv", "jsonl", "parquet"]))
def test_any_bytes_are_rows_rejects_or_no_such_file(tmp_path: Path, data: bytes, ending: str) -> None:
    file = tmp_path / f"t.{ending}"
    file.write_bytes((HEADER.encode() if ending == "csv" else b"") + data)
    with suppress(InputError):
        _read(file)
