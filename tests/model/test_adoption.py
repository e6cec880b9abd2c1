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

COLUMNS = columns_of(metrics_table(rows=1500))
SPLIT = split_windows(COLUMNS, RULES)
SCORES = np.linspace(0, 1, 3000, dtype=np.float32)


def made(name: str, rate: float) -> MadeVersion:
    card = random_card(name)
    card = replace(card, calibration=replace(card.calibration, label_rate=0.1))
    return MadeVersion(card, b"keras", {"autoencoder": random_graph()}, SCORES, 1 - rate)


def adopt(store, version, **given):
    return adopt_version(store, version, COLUMNS, SPLIT, rules=RULES, **given)


@pytest.fixture
def artifacts():
    store = MemoryArtifacts()
    assert adopt(store, made("first", 0.1)).alias == "champion"
    return store


def test_a_first_version_that_the_gate_refuses_does_not_score():
    store = MemoryArtifacts()
    adopted = adopt(store, made("first", 0.9))
    assert adopted.alias == "challenger"
    assert store.aliases() == {"challenger": "first"}
    assert "90.0%" in adopted.card.gate["reason"]


def test_a_version_that_keeps_its_promise_takes_over(artifacts):
    adopted = adopt(artifacts, made("second", 0.12))
    assert (adopted.alias, adopted.previous) == ("champion", "first")
    assert artifacts.aliases() == {"champion": "second"}
    stored = load_card(artifacts, "second")
    assert (stored.parent, stored.gate["passed"], stored.gate["champion"]) == ("first", True, "first")
    assert [check["name"] for check in stored.gate["checks"]] == [
        "scores",
        "calibration",
        "scorecard",
        "latency",
        "no look-ahead",
        "drift",
        "windows",
    ]
    assert stored.files == adopted.card.files


def test_a_version_that_does_not_becomes_challenger_and_says_why(artifacts):
    adopted = adopt(artifacts, made("second", 0.8))
    assert adopted.alias == "challenger"
    assert artifacts.aliases() == {"champion": "first", "challenger": "second"}
    assert "80.0%" in adopted.card.gate["reason"]


def test_a_stored_version_is_left_as_it_is(artifacts):
    before = dict(artifacts.stored["first"])
    again = made("first", 0.1)
    adopted = adopt(artifacts, replace(again, card=replace(again.card, created_at=9)))
    assert (adopted.card.created_at, adopted.alias, adopted.moved) == (0, "champion", False)
    assert artifacts.stored["first"] == before


def test_a_version_for_other_windows_than_the_streams_cut_takes_nothing_over(artifacts):
    streams = replace(RULES, length=RULES.length + 5)
    adopted = adopt(artifacts, made("second", 0.1), streams=streams)
    assert adopted.alias == "challenger"
    assert "set model.window to" in adopted.card.gate["reason"]
    empty = MemoryArtifacts()
    assert adopt(empty, made("first", 0.1), streams=streams).alias == "champion"


def test_a_damaged_champion_does_not_hold_up_its_successor(artifacts):
    artifacts.stored["first"]["autoencoder.onnx"] = b"damaged"
    adopted = adopt(artifacts, made("second", 0.1))
    assert (adopted.alias, adopted.card.parent) == ("champion", None)


def test_a_run_that_was_cut_short_is_completed(artifacts):
    artifacts.pointers.clear()
    assert adopt(artifacts, made("first", 0.1)).alias == "champion"
    assert artifacts.aliases() == {"champion": "first"}


def test_of_two_trainings_at_once_the_second_is_judged_against_the_first(artifacts):
    """The champion changes while the second is being judged."""

    class Racing(MemoryArtifacts):
        raced = False

        def resolve(self, alias):
            found = super().resolve(alias)
            if alias == "champion" and not self.raced:
                self.raced = True
                adopt(artifacts, made("rival", 0.1))
                self.stored["rival"] = artifacts.stored["rival"]
                self.pointers["champion"] = "rival"
            return found

    racing = Racing()
    racing.stored, racing.pointers = dict(artifacts.stored), dict(artifacts.pointers)
    adopted = adopt(racing, made("second", 0.1))
    assert (adopted.alias, adopted.previous, adopted.card.parent) == ("champion", "rival", "rival")


def test_a_version_of_one_symbol_is_judged_against_what_scores_it_and_scores_it_alone(artifacts):
    own = adopt(artifacts, made("own", 0.1), symbol="EURUSD")
    assert (own.alias, own.previous, own.card.parent) == ("champion.EURUSD", None, "first")
    again = adopt(artifacts, made("again", 0.1), symbol="EURUSD")
    assert (again.alias, again.previous, again.card.parent) == ("champion.EURUSD", "own", "own")
    refused = adopt(artifacts, made("refused", 0.9), symbol="EURUSD")
    assert (refused.alias, refused.card.gate["champion"]) == ("challenger.EURUSD", "again")
    assert artifacts.aliases() == {
        "champion": "first",
        "champion.EURUSD": "again",
        "challenger.EURUSD": "refused",
    }


def test_the_first_version_scores_all_symbols_whatever_it_was_trained_on():
    store = MemoryArtifacts()
    assert adopt(store, made("first", 0.1), symbol="EURUSD").alias == "champion"


def test_a_symbol_whose_own_champion_is_damaged_is_judged_against_the_shared_one(artifacts):
    adopt(artifacts, made("own", 0.1), symbol="EURUSD")
    artifacts.stored["own"]["autoencoder.onnx"] = b"damaged"
    adopted = adopt(artifacts, made("next", 0.1), symbol="EURUSD")
    assert (adopted.alias, adopted.previous, adopted.card.parent) == ("champion.EURUSD", "own", "first")
