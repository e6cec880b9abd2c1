from __future__ import annotations

import json

import numpy as np
import pytest
from tests.dashboard.client import TestClient
from tests.model.versions_of_chance import random_scorer

from fsictl.model.serving import Routes, serving_app

SCORER = random_scorer()
WINDOWS = np.random.default_rng(0).standard_normal((5, 30, 6)).astype(np.float32)


@pytest.fixture
def client():
    with TestClient(serving_app(SCORER, Routes("/ping", "/score"))) as client:
        yield client


def test_routes_come_from_the_variables_of_vertex():
    assert Routes.of({"AIP_HEALTH_ROUTE": "/h", "AIP_PREDICT_ROUTE": "/p"}) == Routes("/h", "/p")
    assert Routes.of({}) == Routes("/health", "/predict")


def test_health_names_the_version(client):
    assert client.get("/ping").json() == {"status": "ok", "model_version": SCORER.version}


def test_windows_are_judged_as_by_the_version(client):
    answer = client.post("/score", json={"instances": [*WINDOWS[:4].tolist(), {"window": WINDOWS[4].tolist()}]})
    assert answer.status_code == 200
    predictions = answer.json()["predictions"]
    made = SCORER.graph.score(WINDOWS)
    np.testing.assert_allclose([one["score"] for one in predictions], made.score, rtol=1e-6)
    calibration = SCORER.card.calibration
    np.testing.assert_allclose([one["p_value"] for one in predictions], calibration.p_values(made.score))
    assert [one["unreliable"] for one in predictions] == (made.score > calibration.label_threshold).tolist()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'{"instances": []}',
        b'{"instances": [1]}',
        b'{"instances": [[[1, 2], [3]]]}',
        b'{"instances": [{"window": "abc"}]}',
        b'{"instances": [null]}',
        json.dumps({"instances": WINDOWS[:, :29].tolist()}).encode(),
        b'{"instances": ' + b"[" * 100_000,
    ],
)
def test_bad_requests_are_told_what_is_wrong(client, body):
    answer = client.post("/score", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_numbers_without_a_score_have_none(client):
    broken = WINDOWS[:1].copy()
    broken[0, 3, 3] = np.nan
    body = json.dumps({"instances": broken.tolist()})
    answer = client.post("/score", content=body)
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["score"] is None


def test_a_huge_request_is_refused(client):
    assert client.post("/score", content=b" " * 10_000_001).status_code == 400


def test_requests_at_the_same_time_get_their_own_answers(client):
    from concurrent.futures import ThreadPoolExecutor

    def ask(index):
        answer = client.post("/score", json={"instances": [WINDOWS[index % 5].tolist()]})
        return answer.json()["predictions"][0]["score"]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(40)))
    np.testing.assert_allclose(found, [SCORER.graph.score(WINDOWS).score[i % 5] for i in range(40)], rtol=1e-6)
