from __future__ import annotations

import logging

import pytest

from fsictl.errors import InputError
from fsictl.model.champion import Champion
from fsictl.model.versions import CHAMPION, graph_file
from fsictl.model.windows import WindowRules
from fsictl.parity.chance import MemoryArtifacts, champion_of_chance

GRAPH = graph_file("autoencoder")


def test_it_is_taken_up_when_the_alias_names_one(caplog: pytest.LogCaptureFixture) -> None:
    store = champion_of_chance(WindowRules(), seed=1)
    names, store.names = store.names, {}
    champion = Champion(store)
    assert champion.scorer() is None
    store.names = names
    with caplog.at_level(logging.INFO):
        scorer = champion.scorer()
    assert scorer is not None
    assert scorer.version == "chance"
    assert champion.scorer() is scorer
    assert len(caplog.records) == 1


def test_a_damaged_one_is_reported_once_and_the_last_good_one_stays(caplog: pytest.LogCaptureFixture) -> None:
    store = champion_of_chance(WindowRules(), seed=1)
    champion = Champion(store)
    good = champion.scorer()
    store.put("other", {**store.stored["chance"], GRAPH: b"damaged"})
    store.point(CHAMPION, "other")
    assert champion.scorer() is good
    assert champion.scorer() is good
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "The last good version goes on scoring" in caplog.text
    with pytest.raises(InputError):
        MemoryArtifacts().get("chance", GRAPH)
