from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.cli.main import main
from fsictl.clock import ManualClock
from fsictl.records.arrow import ticks_to_table
from fsictl.records.ticks import Ticks

HOUR = 3_600_000


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Ticks of two symbols over several slices of time, some in the same millisecond."""
    monkeypatch.chdir(tmp_path)
    times = [0, 0, HOUR, 5 * HOUR, 6 * HOUR, 13 * HOUR, 30 * HOUR]
    ticks = Ticks.of(["B", "B", "A", "B", "A", "B", "A"], times, [1.0 + n for n in range(7)], [0, 1, 0, 0, 0, 0, 0])
    warehouse = LocalWarehouse(tmp_path / ".fsictl", ManualClock())
    warehouse.write("prices", ticks_to_table(ticks))
    return warehouse.read("prices")


def test_a_table_is_written_whole_in_the_order_of_its_key(prices: pa.Table, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "prices", "--out", "p.parquet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"table": "prices", "rows": 7, "file": "p.parquet"}
    assert parquet.read_table("p.parquet").equals(prices)


def test_a_symbol_and_a_range_can_be_chosen(prices: pa.Table) -> None:
    assert main(["export", "prices", "--out", "p.csv", "--symbol", "B", "--start", "1970-01-01T01:00:00Z"]) == 0
    assert Path("p.csv").read_text().splitlines() == [
        "symbol,timestamp,sequence,value",
        f"B,{5 * HOUR},0,4",
        f"B,{13 * HOUR},0,6",
    ]


def test_a_gap_of_decades_is_passed_in_steps(prices: pa.Table, capsys: pytest.CaptureFixture[str]) -> None:
    later = ticks_to_table(Ticks.of(["A", "A"], [60 * 365 * 24 * HOUR, 61 * 365 * 24 * HOUR], [8.0, 9.0]))
    LocalWarehouse(Path(".fsictl"), ManualClock()).write("prices", later)
    assert main(["export", "prices", "--out", "p.csv", "--symbol", "A"]) == 0
    assert [line.rsplit(",", 1)[1] for line in Path("p.csv").read_text().splitlines()[1:]] == ["3", "5", "7", "8", "9"]


def test_other_tables_and_endings_are_refused(prices: pa.Table, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "trades", "--out", "p.csv"]) == 2
    assert main(["export", "prices", "--out", "p.xlsx"]) == 3
    assert main(["export", "training_runs", "--out", "r.jsonl"]) == 0
    assert Path("r.jsonl").read_text() == ""
    assert "Traceback" not in capsys.readouterr().err
