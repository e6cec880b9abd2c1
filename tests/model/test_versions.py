from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from tests.memory import MemoryArtifacts
from tests.model.versions_of_chance import random_card, random_graph, random_weights

from fsictl.errors import CheckFailedError, InputError
from fsictl.model.card import read_card, seal, write_card
from fsictl.model.detectors.autoencoder import check_graph
from fsictl.model.scoring import GraphScorer
from fsictl.model.versions import (
    CARD_FILE,
    load_scorer,
    store_version,
    version_name,
)


@pytest.fixture
def artifacts():
    store = MemoryArtifacts()
    for name, seed in (("one", 1), ("two", 2)):
        store_version(store, random_card(name), keras_file=b"keras", graphs={"autoencoder": random_graph(seed)})
    return store


def test_a_card_is_read_as_it_was_written():
    card = replace(random_card("v"), parent="u", created_at=5, gate={"passed": True}, files={"a": "b"})
    again = read_card(write_card(card))
    np.testing.assert_array_equal(again.calibration.histogram.weights, card.calibration.histogram.weights)
    assert write_card(again) == write_card(card)
    assert replace(again, calibration=card.calibration) == card


@pytest.mark.parametrize(
    "change",
    [
        {"scaler": None},
        {"features": 3},
        {"calibration": {"label_rate": 0.1, "alert_rate": 0.01, "all": {"first": 0, "weights": []}, "by_symbol": {}}},
        {"calibration": {"label_rate": 0.1, "alert_rate": 0.01, "all": {"first": -1, "weights": [1]}, "by_symbol": {}}},
        {"scaler": {"center": ["nan"], "scale": [1.0], "bend": True}},
        {"detector": "oracle"},
        {"snapshot": {"symbols": []}},
    ],
)
def test_a_damaged_card_is_bad_input(change):
    body = json.loads(write_card(random_card("v"))) | change
    with pytest.raises(InputError, match="card cannot be read"):
        read_card(seal(body))


def test_a_card_that_says_something_else_now_is_noticed():
    for change in ({"gate": {"passed": True}}, {"snapshot": {}}, {"more": 1}):
        body = json.loads(write_card(random_card("v"))) | change
        with pytest.raises(InputError, match="card of model version v is not the one that was stored"):
            read_card(json.dumps(body).encode())


def test_a_card_of_an_older_format_says_so():
    with pytest.raises(InputError, match="format 1, and this fsictl reads 3"):
        read_card(json.dumps({"format": 1}).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"\xff\xfe", b"{"])
def test_garbage_is_no_card(data):
    with pytest.raises(InputError, match="card cannot be read"):
        read_card(data)


def test_a_name_depends_on_content_and_weights_alone():
    card, weights = random_card(""), random_weights()
    name = version_name(card, weights)
    assert name.startswith("20200913T133320-")
    assert name == version_name(replace(card, created_at=9, parent="p", requested_by="r", gate={"x": 1}), weights)
    assert name != version_name(card, random_weights(1))
    assert name != version_name(replace(card, overbought=71.0), weights)


def test_versions_are_loaded_by_name_and_by_alias(artifacts):
    artifacts.point("champion", "two")
    assert load_scorer(artifacts, "champion").version == "two" == load_scorer(artifacts, "two").version
    artifacts.point("champion", "one")
    assert load_scorer(artifacts, "champion").version == "one"


def test_a_changed_file_is_noticed(artifacts):
    artifacts.stored["one"]["autoencoder.onnx"] = artifacts.stored["two"]["autoencoder.onnx"]
    with pytest.raises(InputError, match=r"autoencoder\.onnx of model version one is not the file"):
        load_scorer(artifacts, "one")
    artifacts.stored["two"]["model.keras"] = b"other"
    with pytest.raises(InputError, match=r"model\.keras of model version two is not the file"):
        load_scorer(artifacts, "two")


def test_a_card_under_another_name_is_noticed(artifacts):
    artifacts.stored["one"][CARD_FILE] = artifacts.stored["two"][CARD_FILE]
    with pytest.raises(InputError, match="holds the card of two"):
        load_scorer(artifacts, "one")


def test_other_features_are_refused(artifacts):
    card = replace(random_card("other"), features=("a", "b", "c", "d", "e", "f"))
    store_version(artifacts, card, keras_file=b"", graphs={"autoencoder": random_graph()})
    with pytest.raises(InputError, match="other features"):
        load_scorer(artifacts, "other")


def test_garbage_is_no_graph():
    with pytest.raises(InputError, match="scoring graph"):
        GraphScorer(b"garbage")


def test_scores_do_not_depend_on_the_batch():
    graph = GraphScorer(random_graph())
    windows = np.random.default_rng(0).standard_normal((70, 30, 6)).astype(np.float32)
    whole = graph.score(windows)
    for size in (1, 2, 7, 33):
        parts = [graph.score(windows[i : i + size]).score for i in range(0, 70, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole.score)
    np.testing.assert_array_equal(whole.score, whole.feature_errors.max(axis=1))
    assert graph.score(windows[:0]).score.shape == (0,)


def test_a_graph_that_differs_from_the_network_is_refused():
    errors = np.array([[0.5, 200.0]], np.float32)
    assert check_graph(errors * np.float32(1 + 5e-6), errors) < 1e-5
    for wrong in (errors + np.float32(1e-3), errors * np.float32(np.nan)):
        with pytest.raises(CheckFailedError, match="differs from the trained network"):
            check_graph(wrong, errors)


def test_scoring_loads_neither_keras_nor_jax_nor_onnx():
    code = (
        "import sys, fsictl.model.inference, fsictl.model.batch, fsictl.model.versions, onnxruntime;"
        "print(sorted({'keras', 'jax', 'onnx', 'pickle5'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
