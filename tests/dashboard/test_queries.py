from __future__ import annotations

import numpy as np
import pyarrow as pa
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import VERSION, metrics_rows, verdict_rows

from fsictl.dashboard import models, queries
from fsictl.dashboard.history import Request, history


def test_latest_gives_the_newest_row_its_verdict_and_the_trend(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", range(1000, 2000), LAST=np.arange(1000.0)))
    stores.warehouse.write("metrics", metrics_rows("B", [1005]))
    stores.warehouse.write("reconerr", verdict_rows("A", [1990, 1991], reconstruction_error=np.array([0.1, 0.2])))
    a, b = queries.latest(stores.warehouse, None)
    assert (a["symbol"], a["time"], a["price"], a["rsi"]) == ("A", 1999, 999.0, 50.0)
    assert (a["verdict"]["time"], a["verdict"]["error"]) == (1991, 0.2)
    assert a["trend"] == [float(second - 1000) for second in range(1700, 2000, 5)]
    assert (b["time"], b["verdict"], b["trend"]) == (1005, None, [])


def test_latest_of_an_empty_store_is_nothing(stores: Stores) -> None:
    assert queries.latest(stores.warehouse, None) == []


def test_history_joins_verdicts_by_second(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", range(100, 110)))
    stores.warehouse.write("reconerr", verdict_rows("A", [98, 103, 104, 200], unreliable=np.ones(4, bool)))
    answer = history(stores.warehouse, Request("A", 100, 109, 100, None))
    assert answer["columns"]["time"] == list(range(100, 110))
    assert [i for i, flag in enumerate(answer["columns"]["unreliable"]) if flag] == [3, 4]
    assert answer["columns"]["error"][:4] == [None, None, None, 0.4]
    assert not answer["thinned"]
    assert set(map(len, answer["columns"].values())) == {10}


def test_history_without_rows_is_empty(stores: Stores) -> None:
    answer = history(stores.warehouse, Request("A", 100, 109, 100, None))
    assert answer["rows"] == 0
    assert set(map(len, answer["columns"].values())) == {0}


def test_history_of_a_day_is_thinned_but_keeps_extremes_and_every_short_verdict(stores: Stores) -> None:
    prices = 1 + np.random.default_rng(1).standard_normal(86_400) * 1e-3
    stores.warehouse.write("metrics", metrics_rows("A", range(86_400), LAST=prices))
    unreliable = np.zeros(86_400, bool)
    unreliable[40_000] = True
    stores.warehouse.write("reconerr", verdict_rows("A", range(86_400), unreliable=unreliable))
    answer = history(stores.warehouse, Request("A", 0, 86_400, 3000, None))
    columns = answer["columns"]
    assert answer["thinned"]
    assert 500 < len(columns["time"]) <= 3100
    assert max(columns["price"]) == round(prices.max(), 8)
    assert min(columns["price"]) == round(prices.min(), 8)
    marked = columns["unreliable"].index(True)
    assert columns["time"][marked - 1 : marked + 2] == [39_999, 40_000, 40_001]


def test_missing_rows_break_the_line(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", [*range(100, 105), *range(200, 205)]))
    columns = history(stores.warehouse, Request("A", 100, 204, 100, None))["columns"]
    hole = columns["time"].index(105)
    assert [columns[name][hole] for name in ("price", "rsi", "error")] == [None, None, None]
    assert columns["time"] == [*range(100, 106), *range(200, 205)]


def test_a_missing_rsi_is_null(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("A", [1], RELATIVE_STRENGTH_INDICATOR=[None]))
    assert history(stores.warehouse, Request("A", 0, 2, 100, None))["columns"]["rsi"] == [None]
    assert queries.latest(stores.warehouse, None)[0]["rsi"] is None


def test_the_champion_speaks_where_it_scored() -> None:
    def version(name: str, seconds: list[int]) -> pa.Table:
        return verdict_rows("A", seconds, model_version=[name] * len(seconds))

    both = pa.concat_tables([version("v1", [1, 2, 3]), version("v2", [2, 3, 4])])
    for champion, expected in {
        "v1": ["v1", "v1", "v1", "v2"],
        "v2": ["v1", "v2", "v2", "v2"],
        None: ["v1", "v2", "v2", "v2"],
    }.items():
        chosen = queries.one_verdict_each(both, champion).sort_by("timestamp")
        assert chosen["model_version"].to_pylist() == expected


def test_the_model_is_described_as_far_as_its_card_allows(filled: Stores) -> None:
    artifacts = filled.artifacts
    assert models.model(artifacts) == {
        "version": VERSION,
        "created_at": 1_767_225_600.0,
        "snapshot": {"symbols": ["*"], "rows": 86_400},
        "calibration": {"label_threshold": 1.0, "alert_threshold": 1.7},
    }
    for name, content in {"odd": b"[]", "other": b'{"created_at": {}, "snapshot": 3}'}.items():
        artifacts.put(name, {"card.json": content})
        artifacts.point("champion", name)
        assert models.model(artifacts) == {"version": name}
    for name, files in {"broken": {"card.json": b"\xff{"}, "none": {"x": b""}}.items():
        artifacts.put(name, files)
        artifacts.point("champion", name)
        assert "cannot be read" in models.model(artifacts)["problem"]


def test_pieces_joined_are_what_one_read_gives(stores: Stores) -> None:
    seconds = np.r_[np.arange(0, 3600), np.arange(3700, 8000), np.arange(20_000, 20_100)]
    stores.warehouse.write("metrics", metrics_rows("A", seconds, LAST=seconds / 1e4))
    columns = history(stores.warehouse, Request("A", 0, 20_099, 200_000, None))["columns"]
    told = [time for time, price in zip(columns["time"], columns["price"], strict=True) if price is not None]
    assert told == seconds.tolist()
    holes = [time for time, price in zip(columns["time"], columns["price"], strict=True) if price is None]
    assert holes == [3600, 8000]
