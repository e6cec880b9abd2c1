"""Which training the orchestrator asks for by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.model.market import metrics_table
from tests.model.versions_of_chance import random_card, random_graph

from fsictl.cli.options import DEFAULTS, CommonOptions
from fsictl.cli.orchestrator import _advice
from fsictl.cli.session import Session
from fsictl.model.versions import store_version

HOUR_MS = 3_600_000


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A shared champion whose data is new, and one of EURUSD whose data is 300 hours old."""
    session = Session(CommonOptions(**{**DEFAULTS, "workspace": tmp_path}))
    session.make_workspace()
    session.warehouse.write("metrics", metrics_table(rows=10))
    for name, hours in (("new", 0), ("old", 300)):
        card = random_card(name)
        snapshot = replace(card.snapshot, until=card.snapshot.until - hours * HOUR_MS)
        card = replace(card, snapshot=snapshot)
        store_version(session.artifacts, card, keras_file=b"", graphs={"autoencoder": random_graph()})
    session.artifacts.point("champion", "new")
    return session


def test_nothing_is_asked_for_while_the_champion_is_good(session: Session) -> None:
    assert _advice(session) is None


def test_a_symbol_whose_own_champion_is_old_is_trained_alone(session: Session) -> None:
    session.artifacts.point("champion.EURUSD", "old")
    request = _advice(session)
    assert request is not None
    assert (request.workload, request.params["symbol"]) == ("train", "EURUSD")
    session.artifacts.point("champion", "old")
    request = _advice(session)
    assert request is not None
    assert "symbol" not in request.params  # the shared one first
