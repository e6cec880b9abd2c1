"""Every query of the BigQuery dashboards, run by DuckDB on rows, gives what the page's API gives on the same rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlglot
from scripts.grafana.__main__ import FOLDER
from scripts.grafana.sql import series as series_sql
from tests.dashboard.made_up import VERSION, lively, metrics_rows, verdict_rows
from tests.memory import MemoryWarehouse

from fsictl.dashboard.views import LATEST, SERIES, latest_rows, series
from fsictl.model.aliases import BySymbol
from fsictl.records.arrow import table_of
from fsictl.records.schemas import CALIBRATIONS, PRICES, PROMOTIONS, TABLES, TRAINING_RUNS, Kind

START = 1_767_225_600
SECONDS = 1800
CHALLENGER = "20260102-000000-99999999"
CHAMPIONS = BySymbol(VERSION, {"USDJPY": CHALLENGER})
END_MS = (START + SECONDS + 60) * 1000


@pytest.fixture(scope="module")
def warehouse() -> MemoryWarehouse:
    """Half an hour of two symbols; a challenger that judges too, and a hole."""
    store = MemoryWarehouse()
    for seed, (symbol, price) in enumerate({"EURUSD": 1.18, "USDJPY": 109.93}.items()):
        metrics, verdicts = lively(symbol, START, SECONDS, price=price, seed=seed)
        kept = metrics.filter(
            pc.or_(pc.less(metrics["endTimestamp"], START + 600), pc.greater(metrics["endTimestamp"], START + 700))
        )
        store.write("metrics", kept)
        store.write("reconerr", verdicts)
        seconds = ((verdicts["timestamp"].to_numpy() + 1) // 1000)[::3]
        again = verdict_rows(
            symbol, seconds, model_version=[CHALLENGER] * len(seconds), unreliable=[True] * len(seconds)
        )
        store.write("reconerr", again)
        count = SECONDS * 4
        store.write(
            "prices",
            table_of(
                PRICES,
                {
                    "symbol": [symbol] * count,
                    "timestamp": [(START * 1000) + 250 * index for index in range(count)],
                    "sequence": [0] * count,
                    "value": [price + index * 1e-6 for index in range(count)],
                },
            ),
        )
        store.write("calibrations", _calibrations(symbol))
    filled = metrics_rows("EURUSD", range(START + SECONDS + 1, START + SECONDS + 30), GAP_FILLED=[True] * 29)
    store.write("metrics", filled)
    store.write("promotions", _promotions())
    store.write("training_runs", _runs())
    return store


def _calibrations(symbol: str) -> pa.Table:
    return table_of(
        CALIBRATIONS,
        {
            "symbol": [symbol] * 3,
            "timestamp": [(START + 300 * index) * 1000 for index in range(3)],
            "model_version": [VERSION] * 3,
            "label_threshold": [1.0, 1.1, None],
            "alert_threshold": [2.0, None, 2.2],
            "label_rate": [0.1] * 3,
            "alert_rate": [0.01] * 3,
            "windows": [100, 0, 300],
            "unreliable": [11, 0, 31],
            "alerts": [1, 0, 2],
            "scores": ["{}"] * 3,
        },
    )


def _promotions() -> pa.Table:
    return table_of(
        PROMOTIONS,
        {
            "at": [START * 1000 - 5, START * 1000 - 4, START * 1000 - 3, START * 1000 - 2, START * 1000 - 1],
            "model_version": [CHALLENGER, VERSION, CHALLENGER, CHALLENGER, VERSION],
            "previous": [None, CHALLENGER, None, None, CHALLENGER],
            "action": ["train", "rollback", "train", "train", "share"],
            "forced": [False, True, False, False, False],
            "reason": [None, "it alarmed too often", None, None, None],
            "symbol": [None, "*", "USDJPY", "EURUSD", "EURUSD"],
        },
    )


def _runs() -> pa.Table:
    filled: dict[str, Any] = {
        field.name: [f"{field.name} {index}" if field.kind is Kind.TEXT else index * 1000 for index in range(2)]
        for field in TRAINING_RUNS.fields
    }
    return table_of(TRAINING_RUNS, filled)


@pytest.fixture(scope="module")
def database(warehouse: MemoryWarehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same tables in DuckDB, with timestamps as BigQuery has them."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("create schema forex")
        for name, schema in TABLES.items():
            rows = warehouse.read(name)
            for index, field in enumerate(schema.fields):
                if field.kind is Kind.TIMESTAMP:
                    times = rows[field.name].cast(pa.timestamp("ms", "UTC"))
                    rows = rows.set_column(index, field.name, times)
            connection.register("incoming", rows)
            connection.execute(f"create table forex.{name} as select * from incoming")
        yield connection


def expand(text: str, step: int, threshold: str = "", symbol: str = "EURUSD") -> str:
    """What Grafana and its plugin make of the macros and variables."""
    values = {"dataset": "forex", "symbol:sqlstring": f"'{symbol}'", "model_symbol:sqlstring": f"'{symbol}'"}
    values["threshold:sqlstring"] = f"'{threshold}'"
    text = re.sub(r"\$\{([a-z_:]+)\}", lambda found: values[found[1]], text).replace("$__interval_ms", str(step))
    since, until = (datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ") for ms in (START * 1000, END_MS))
    return re.sub(
        r"\$__timeFilter\((\w+)\)",
        lambda found: f"{found[1]} >= TIMESTAMP('{since}') AND {found[1]} <= TIMESTAMP('{until}')",
        text,
    )


def run(database: duckdb.DuckDBPyConnection, bigquery: str) -> list[dict[str, Any]]:
    """Run BigQuery's SQL in DuckDB; times become milliseconds."""
    text = sqlglot.transpile(bigquery, read="bigquery", write="duckdb")[0]
    rows = database.execute(text).to_arrow_table().to_pylist()
    return [
        {name: round(one.timestamp() * 1000) if isinstance(one, datetime) else one for name, one in row.items()}
        for row in rows
    ]


@pytest.mark.parametrize(("step", "symbol"), [(1000, "EURUSD"), (1000, "USDJPY"), (5000, "EURUSD"), (60_000, "EURUSD")])
@pytest.mark.parametrize("name", sorted(SERIES))
def test_a_series_is_the_same_in_sql_and_from_the_page(
    warehouse: MemoryWarehouse, database: duckdb.DuckDBPyConnection, name: str, step: int, symbol: str
) -> None:
    view = SERIES[name]
    text = series_sql(view, [column.name for column in view.columns], "symbol")
    expected = series(warehouse, view, symbol, START * 1000, END_MS, step, champion=CHAMPIONS)
    assert expected
    assert run(database, expand(text, step, symbol=symbol)) == expected


@pytest.mark.parametrize("threshold", ["0.5", "0", "1e9"])
def test_another_threshold_changes_what_is_unreliable(
    warehouse: MemoryWarehouse, database: duckdb.DuckDBPyConnection, threshold: str
) -> None:
    view = SERIES["verdicts"]
    expected = series(
        warehouse, view, "EURUSD", START * 1000, END_MS, 1000, champion=VERSION, threshold=float(threshold)
    )
    found = run(database, expand(series_sql(view, ["error", "unreliable"], "symbol"), 1000, threshold))
    assert [row["unreliable"] for row in found] == [row["unreliable"] for row in expected]
    assert {row["unreliable"] for row in found} == {"0.5": {0, 1}, "0": {1}, "1e9": {0}}[threshold]


def test_tables_of_the_latest_rows_are_the_same(
    warehouse: MemoryWarehouse, database: duckdb.DuckDBPyConnection
) -> None:
    board = json.loads((FOLDER / "bigquery" / "dashboards" / "model.json").read_text())
    texts = {target["refId"]: target["rawSql"] for panel in board["panels"] for target in panel["targets"]}
    for name, view in LATEST.items():
        assert run(database, expand(texts[name], 1000)) == latest_rows(warehouse, view) != []


QUERIES = [
    pytest.param(target["rawSql"], id=f"{file.stem}-{panel['title']}-{target['refId']}")
    for file in sorted((FOLDER / "bigquery" / "dashboards").glob("*.json"))
    for panel in json.loads(file.read_text())["panels"]
    for target in panel["targets"]
    if "rawSql" in target
]


@pytest.mark.parametrize("text", QUERIES)
def test_every_query_of_every_dashboard_runs_and_finds_rows(database: duckdb.DuckDBPyConnection, text: str) -> None:
    assert run(database, expand(text, 1000))


def test_pairs_have_their_newest_row_and_the_champions_verdict(database: duckdb.DuckDBPyConnection) -> None:
    text = next(one.values[0] for one in QUERIES if one.id == "prices-Pairs-pairs")
    rows = run(database, expand(text, 1000))
    assert [(row["symbol"], row["time"]) for row in rows] == [
        ("EURUSD", (START + SECONDS + 29) * 1000 - 1),
        ("USDJPY", (START + SECONDS - 1) * 1000 - 1),
    ]


def test_what_a_viewer_types_stays_a_value() -> None:
    texts = [one.values[0] for one in QUERIES]
    used = {found for text in texts for found in re.findall(r"\$\{([^}]+)\}", text)}
    assert used == {"dataset", "symbol:sqlstring", "model_symbol:sqlstring", "threshold:sqlstring"}
