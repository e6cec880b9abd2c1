from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.memory import MemoryArtifacts
from tests.model.market import metrics_table
from tests.model.versions_of_chance import RULES, random_card, random_graph

from fsictl.model.adoption import adopt_version
from fsictl.model.columns import columns_of
from fsictl.model.making import MadeVersion
from fsictl.model.split import split_windows
from fsictl.model.versions import load_card

SPLIT = split_windows(columns_of(metrics_table(rows=1500)), RULES)
SCORES = np.linspace(0, 1, 1000, dtype=np.float32)


def made(name: str, rate: float) -> MadeVersion:
    card = random_card(name)
    card = replace(card, calibration=replace(card.calibration, label_rate=0.1))
    return MadeVersion(card, b"keras", random_graph(), SCORES, 1 - rate)


@pytest.fixture
def artifacts():
    store = MemoryArtifacts()
    assert adopt_version(store, made("first", 0.9), SPLIT)[1] == "champion"  # there was no other
    return store


def test_a_version_that_keeps_its_promise_takes_over(artifacts):
    card, alias = adopt_version(artifacts, made("second", 0.1), SPLIT)
    assert alias == "champion"
    assert artifacts.aliases() == {"champion": "second"}
    stored = load_card(artifacts, "second")
    assert (stored.parent, stored.gate["passed"], stored.gate["champion"]) == ("first", True, "first")
    assert 0 <= stored.gate["champion_label_rate"] <= 1
    assert stored.files == card.files


def test_a_version_that_does_not_becomes_challenger_and_says_why(artifacts):
    card, alias = adopt_version(artifacts, made("second", 0.8), SPLIT)
    assert alias == "challenger"
    assert artifacts.aliases() == {"champion": "first", "challenger": "second"}
    assert "80.0%" in card.gate["reason"]


def test_a_stored_version_is_left_as_it_is(artifacts):
    before = dict(artifacts.stored["first"])
    again = made("first", 0.1)
    card, alias = adopt_version(artifacts, replace(again, card=replace(again.card, created_at=9)), SPLIT)
    assert (card.created_at, alias) == (0, "champion")
    assert artifacts.stored["first"] == before


def test_a_damaged_champion_does_not_hold_up_its_successor(artifacts):
    artifacts.stored["first"]["model.onnx"] = b"damaged"
    card, alias = adopt_version(artifacts, made("second", 0.8), SPLIT)
    assert (alias, card.parent) == ("champion", None)


def test_a_champion_for_other_metrics_is_not_compared(artifacts):
    new = made("second", 0.25)
    card, alias = adopt_version(artifacts, replace(new, card=replace(new.card, rsi_window=300)), SPLIT)
    assert (alias, card.gate["champion_label_rate"]) == ("champion", None)


def test_a_run_that_was_cut_short_is_completed(artifacts):
    artifacts.pointers.clear()
    assert adopt_version(artifacts, made("first", 0.1), SPLIT)[1] == "champion"
    assert artifacts.aliases() == {"champion": "first"}
