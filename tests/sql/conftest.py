"""The dbt project on tables of this machine, made with dbt once."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.records.arrow import table_of
from fsictl.records.schemas import METRICS, RECONERR, TRANSACTIONS, Kind
from fsictl.sql.project import SqlProject, duckdb_project

DAY = 86_400_000
RUN_DATE = date(2026, 1, 31)
MIDNIGHT = 1_769_817_600_000  # 2026-01-31T00:00:00Z


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if importlib.util.find_spec("dbt") is None:
        for item in items:
            if Path(__file__).parent in item.path.parents and "needs_dbt" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason="dbt is not installed: pip install 'fsictl[sql]'"))


@pytest.fixture(scope="session")
def needs_dbt() -> None:
    """Skips without the extra."""


def transactions(rows: Sequence[tuple[str, int, float]], first: int = 0) -> pa.Table:
    """Transactions of (client, timestamp, amount)."""
    count = len(rows)
    return table_of(
        TRANSACTIONS,
        {
            "symbol": ["EURUSD"] * count,
            "timestamp": [row[1] for row in rows],
            "transaction_id": [f"t{first + number}" for number in range(count)],
            "client_id": [row[0] for row in rows],
            "amount": [row[2] for row in rows],
            "side": [None] * count,
            "price": [None] * count,
        },
    )


def metrics(closes: Sequence[float], start: int) -> pa.Table:
    """Metrics rows of EURUSD, one a second, with these closes; all else is nothing in particular."""
    count = len(closes)
    plain: dict[str, list[Any]] = {}
    for field in METRICS.fields:
        one: Any = {Kind.INTEGER: 1, Kind.FLOAT: 50.0, Kind.BOOLEAN: False}.get(field.kind)
        plain[field.name] = [one] * count
    times = [start + 1000 * number + 999 for number in range(count)]
    return table_of(METRICS, {**plain, "symbol": ["EURUSD"] * count, "timestamp": times, "LAST": list(closes)})


def verdicts(rows: Sequence[tuple[int, bool | None, str]], version: str = "v1") -> pa.Table:
    """Verdicts of (timestamp, unreliable, side) about EURUSD."""
    count = len(rows)
    plain: dict[str, list[Any]] = {field.name: [None] * count for field in RECONERR.fields}
    return table_of(
        RECONERR,
        {
            **plain,
            "symbol": ["EURUSD"] * count,
            "timestamp": [row[0] for row in rows],
            "model_version": [version] * count,
            "unreliable": [row[1] for row in rows],
            "side": [row[2] for row in rows],
            "rsi": [80.0 if row[2] == "overbought" else 20.0 for row in rows],
            "gap_filled_fraction": [0.0] * count,
        },
    )


@dataclass
class Place:
    """A workspace's tables and the project on them."""

    warehouse: LocalWarehouse
    project: SqlProject


def make_place(root: Path) -> Place:
    warehouse = LocalWarehouse(root / ".fsictl", ManualClock())
    return Place(warehouse, duckdb_project(root / ".fsictl" / "sql", warehouse))


@pytest.fixture
def place(tmp_path: Path, needs_dbt: None) -> Place:
    """An empty workspace."""
    return make_place(tmp_path)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory, needs_dbt: None) -> dict[str, str]:
    """The SQL of every mart for RUN_DATE as dbt makes it for DuckDB, by the mart's name."""
    from fsictl.sql.runner import run_sql

    made = make_place(tmp_path_factory.mktemp("compiled"))
    run_sql(made.project, run_date=RUN_DATE)
    folder = made.project.target / "compiled" / "fsictl" / "models" / "marts"
    return {file.stem: file.read_text(encoding="utf-8") for file in folder.glob("*.sql")}
