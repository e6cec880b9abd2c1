from __future__ import annotations

import logging

import pytest
from tests.model.versions_of_chance import random_card, random_graph

from fsictl.errors import InputError
from fsictl.model.aliases import CHAMPION
from fsictl.model.champion import Challengers, Champions
from fsictl.model.versions import graph_file, store_version
from fsictl.model.windows import WindowRules
from fsictl.parity.chance import MemoryArtifacts, champion_of_chance

GRAPH = graph_file("autoencoder")


def test_it_is_taken_up_when_the_alias_names_one(caplog: pytest.LogCaptureFixture) -> None:
    store = champion_of_chance(WindowRules(), seed=1)
    names, store.names = store.names, {}
    champion = Champions(store)
    assert champion.scorers().shared is None
    store.names = names
    with caplog.at_level(logging.INFO):
        scorer = champion.scorers().shared
    assert scorer is not None
    assert scorer.version == "chance"
    assert champion.scorers().shared is scorer
    assert len(caplog.records) == 1


def test_a_damaged_one_is_reported_once_and_the_last_good_one_stays(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    store = champion_of_chance(WindowRules(), seed=1)
    champion = Champions(store)
    good = champion.scorers().shared
    store.put("other", {**store.stored["chance"], GRAPH: b"damaged"})
    store.point(CHAMPION, "other")
    assert champion.scorers().shared is good
    assert champion.scorers().shared is good
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "The last good version goes on scoring" in caplog.text
    with pytest.raises(InputError):
        MemoryArtifacts().get("chance", GRAPH)


def test_a_symbol_is_scored_by_its_own_until_it_has_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    store = champion_of_chance(WindowRules(), seed=1)
    store_version(store, random_card("own"), keras_file=b"", graphs={"autoencoder": random_graph()})
    store.point("champion.EUR_sUSD", "own")
    champions = Champions(store)
    scorers = champions.scorers()
    assert {one: scorers.of(one).version for one in ("EUR/USD", "USDJPY")} == {"EUR/USD": "own", "USDJPY": "chance"}
    assert champions.scorers().own["EUR/USD"] is scorers.own["EUR/USD"]
    del store.names["champion.EUR_sUSD"]
    assert champions.scorers().of("EUR/USD").version == "chance"
    assert not caplog.records


def test_a_challenger_that_cannot_be_loaded_is_not_scored_in_shadow(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    store = champion_of_chance(WindowRules(), seed=1)
    store.point("challenger", "chance")
    challengers = Challengers(store)
    assert challengers.scorers().shared.version == "chance"
    store.names["challenger"] = "gone"
    assert challengers.scorers().all() == []
    assert challengers.scorers().all() == []
    assert ["not scored in shadow" in record.getMessage() for record in caplog.records] == [True]
