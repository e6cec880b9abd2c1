from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
from tests.dashboard.client import TestClient
from tests.dashboard.conftest import Stores
from tests.dashboard.made_up import VERSION, metrics_rows, verdict_rows

from fsictl.dashboard.app import create_app
from fsictl.dashboard.events import Feed
from fsictl.dashboard.pace import Pace
from fsictl.errors import StorageError


def until(holds: Callable[[], bool]) -> None:
    """Wait for a look of the feed that makes it so."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def client(filled: Stores) -> Iterator[TestClient]:
    with TestClient(create_app(*filled.all, pace=Pace(every=0.05)), base_url="http://127.0.0.1:8050") as client:
        yield client


@pytest.fixture
def empty(stores: Stores) -> Iterator[TestClient]:
    with TestClient(create_app(*stores.all), base_url="http://localhost") as client:
        yield client


def test_the_page_and_its_parts_are_there(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for part, kind in {"main.js": "javascript", "style.css": "text/css", "favicon.svg": "image/svg+xml"}.items():
        assert f"/static/{part}" in page.text
        assert kind in client.get(f"/static/{part}").headers["content-type"]
    assert "MIT" in client.get("/static/vendor/uplot/LICENSE").text


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/status", "/api/history", "/nowhere"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_a_foreign_host_is_refused(client: TestClient) -> None:
    answer = client.get("/api/symbols", headers={"host": "evil.example:8050"})
    assert answer.status_code == 421
    assert set(answer.json()) == {"error", "hint"}


def test_symbols_have_a_row_and_a_verdict(client: TestClient) -> None:
    rows = client.get("/api/symbols").json()
    assert [row["symbol"] for row in rows] == ["EURUSD", "USDJPY"]
    assert all(len(row["trend"]) >= 59 and row["rsi"] is not None for row in rows)


def test_history_by_seconds_and_by_times(client: TestClient) -> None:
    last = client.get("/api/history?symbol=EURUSD&seconds=60").json()
    assert last["rows"] == 61
    newest = last["columns"]["time"][-1]
    part = client.get(f"/api/history?symbol=EURUSD&start={newest - 100}&end={newest - 90}").json()
    assert part["columns"]["time"] == list(range(newest - 100, newest - 89))
    assert set(part["columns"]) >= {
        "price",
        "sma",
        "ema",
        "rsi",
        "log_return",
        "band_upper",
        "band_lower",
        "gap_filled",
    }
    assert set(part["columns"]) >= {"error", "threshold", "unreliable", "alert", "reason"}


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("", "symbol"),
        ("symbol=%27%3B+drop", "symbol"),
        ("symbol=" + "A" * 33, "symbol"),
        ("symbol=EURUSD&seconds=soon", "seconds"),
        ("symbol=EURUSD&seconds=nan", "seconds"),
        ("symbol=EURUSD&seconds=1e99", "seconds"),
        ("symbol=EURUSD&seconds=0", "seconds"),
        ("symbol=EURUSD&start=-1", "start"),
        ("symbol=EURUSD&start=1", "longer"),
        ("symbol=EURUSD&start=9&end=8", "later"),
        ("symbol=EURUSD&start=9&seconds=8", "not both"),
        ("symbol=EURUSD&points=3", "points"),
    ],
)
def test_bad_parameters_get_a_sentence(client: TestClient, query: str, word: str) -> None:
    answer = client.get(f"/api/history?{query}")
    assert answer.status_code == 400
    assert word in answer.json()["error"]


def test_an_unknown_symbol_is_not_found(client: TestClient) -> None:
    answer = client.get("/api/history?symbol=NOPE")
    assert answer.status_code == 404
    assert "NOPE" in answer.json()["error"]


def test_alerts_model_and_status(client: TestClient) -> None:
    assert client.get("/api/alerts?limit=0").status_code == 400
    assert client.get("/api/model").json()["version"] == VERSION
    status = client.get("/api/status").json()
    assert status["limits"] == {"overbought": 70.0, "oversold": 30.0, "stale_after": 20}
    episodes = client.get("/api/alerts?limit=2").json()
    assert len(episodes) <= 2
    assert all(episode["since"] <= episode["until"] for episode in episodes)


def test_an_empty_store_is_no_error(empty: TestClient) -> None:
    assert empty.get("/").status_code == 200
    assert empty.get("/api/symbols").json() == []
    assert empty.get("/api/alerts").json() == []
    assert empty.get("/api/model").json() == {"version": None}
    assert empty.get("/api/status").json()["feed"] == "waiting"
    assert empty.get("/api/history?symbol=EURUSD").status_code == 404


def test_a_store_that_fails_is_told_in_a_sentence(client: TestClient, filled: Stores) -> None:
    assert client.get("/api/symbols").status_code == 200
    filled.warehouse.failure = StorageError("the disk is gone", hint="Bring it back.")
    until(lambda: client.get("/api/status").json()["feed"] == "error")
    for path in ("symbols", "alerts", "history?symbol=EURUSD", "history?symbol=NOPE"):  # nothing old is repeated
        answer = client.get(f"/api/{path}")
        assert answer.status_code == 503
        assert answer.json() == {"error": "the disk is gone", "hint": "Bring it back."}
    filled.warehouse.failure = None
    until(lambda: client.get("/api/symbols").status_code == 200)


def test_a_fault_of_ours_shows_no_traceback(filled: Stores) -> None:
    with TestClient(create_app(*filled.all), base_url="http://localhost", raise_server_exceptions=False) as client:
        filled.warehouse.failure = RuntimeError("secret detail")
        answer = client.get("/api/symbols")
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "error" in answer.json()
        assert "content-security-policy" in answer.headers


def test_only_reading_is_possible(client: TestClient) -> None:
    assert client.post("/api/symbols").status_code == 405
    assert client.get("/static/../app.py").status_code == 404
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_too_many_pages_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Feed, "full", property(lambda feed: True))
    answer = client.get("/api/events")
    assert answer.status_code == 503
    assert "close one" in answer.json()["error"]


def test_filling_gives_ticks_and_rows(client: TestClient) -> None:
    newest = client.get("/api/symbols").json()[0]["time"]
    answer = client.get("/api/filling?symbol=EURUSD&seconds=60").json()
    assert answer["end"] == newest
    assert answer["rows"]["time"] == list(range(newest - 60, newest + 1))
    assert answer["ticks"] == {"time": [], "price": []}
    assert (
        client.get(f"/api/filling?symbol=EURUSD&seconds=9&end={newest - 100}").json()["rows"]["time"][-1]
        == newest - 100
    )
    assert client.get("/api/filling?symbol=EURUSD&seconds=901").status_code == 400
    assert client.get("/api/filling?symbol=NOPE").status_code == 404


def test_versions_are_told_newest_first(client: TestClient, filled: Stores) -> None:
    older = {
        "created_at": 1_000,
        "gate": {"passed": False, "reason": "worse", "checks": [{"name": "x", "said": "y"}, 3]},
    }
    filled.artifacts.put("older", {"card.json": json.dumps(older).encode()})
    filled.artifacts.put("broken", {"card.json": b"{"})
    assert client.get("/api/versions").json() == [
        {"version": VERSION, "created_at": 1_767_225_600.0, "aliases": ["champion"], "passed": None},
        {"version": "older", "created_at": 1.0, "aliases": [], "passed": False},
        {"version": "broken", "created_at": None, "aliases": [], "passed": None},
    ]
    filled.artifacts.point("champion", "older")
    assert client.get("/api/model").json()["gate"]["checks"] == [{"name": "x", "said": "y"}]


def test_an_alert_is_explained_by_its_id(stores: Stores) -> None:
    stores.warehouse.write("metrics", metrics_rows("EURUSD", range(1000, 1100)))
    stores.warehouse.write("reconerr", verdict_rows("EURUSD", [1099], alert=[True], unreliable=[True]))
    with TestClient(create_app(*stores.all, pace=Pace(every=0.05)), base_url="http://localhost") as client:
        alerts = client.get("/api/alerts?limit=1").json()
        told = client.get(f"/api/alerts/{alerts[0]['id']}").json()
        assert told["alert"]["id"] == alerts[0]["id"]
        assert told["verdict"]["symbol"] == "EURUSD"
        assert client.get("/api/alerts/ffffffffff").status_code == 404


def test_views_are_rows_for_grafana(client: TestClient) -> None:
    newest = client.get("/api/history?symbol=EURUSD&seconds=60").json()["columns"]["time"][-1]
    where = f"from={(newest - 600) * 1000}&to={(newest + 1) * 1000}"
    rows = client.get(f"/api/views/metrics?symbol=EURUSD&{where}&step=60000").json()
    assert 10 <= len(rows) <= 11
    assert all(row["time"] % 60_000 == 0 and row["price"] > 1 for row in rows)
    assert len(client.get(f"/api/views/metrics?symbol=EURUSD&{where}&step=1000").json()) == 600
    verdicts = client.get(f"/api/views/verdicts?symbol=EURUSD&{where}&step=1000&threshold=0").json()
    assert all(row["unreliable"] == 1 for row in verdicts)
    assert sum(row["rows"] for row in client.get(f"/api/views/activity?{where}&step=60000").json()) == 1200
    assert client.get("/api/views/promotions").json() == []


def test_a_view_of_a_week_has_few_rows(client: TestClient) -> None:
    now = int(time.time() * 1000)
    rows = client.get(f"/api/views/metrics?symbol=EURUSD&from={now - 604_800_000}&to={now}&step=1").json()
    assert 0 < len(rows) <= 62


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/views/nothing", 404),
        ("/api/views/metrics?from=0&to=1000", 400),
        ("/api/views/metrics?symbol=EURUSD", 400),
        ("/api/views/metrics?symbol=EURUSD&from=2000&to=1000", 400),
        ("/api/views/metrics?symbol=EURUSD&from=0&to=1e15", 400),
        ("/api/views/metrics?symbol=EURUSD&from=0&to=1e12", 400),
        ("/api/views/verdicts?symbol=EURUSD&from=0&to=1000&threshold=much", 400),
    ],
)
def test_a_view_that_cannot_be_given_is_refused(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
