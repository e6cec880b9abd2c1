"""What a registry of models is told."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.model.versions_of_chance import random_card

from fsictl.model.registration import label, register, registration_of
from fsictl.model.windows import WindowRules
from fsictl.parity.chance import champion_of_chance
from fsictl.ports.registry import Registration

CARD = random_card("20260131T000000-0a1b2c3d4e")


@given(st.text(max_size=200))
def test_any_text_becomes_a_label(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9_-]{0,63}", label(text))


@given(st.lists(st.text("ABC/.:", min_size=1, max_size=32), unique=True, max_size=40), st.none() | st.text(max_size=80))
def test_any_card_has_labels_that_a_registry_takes(symbols: list[str], parent: str | None) -> None:
    snapshot = replace(CARD.snapshot, symbols=tuple(symbols))
    told = registration_of(replace(CARD, snapshot=snapshot, parent=parent))
    assert told.labels["fsictl_version"] == CARD.version.lower()
    for key, value in told.labels.items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)


def test_the_lineage_is_told_in_a_sentence() -> None:
    told = registration_of(CARD)
    assert f"{CARD.snapshot.rows:,} rows" in told.description
    assert CARD.snapshot.sha256[:16] in told.description


class Registry:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def register(self, version: Registration) -> str:
        self.told.append(f"list {version.version}")
        return f"models/fsictl@{version.version}"

    def deploy(self, version: str) -> None:
        self.told.append(f"deploy {version}")


def test_a_version_is_listed_before_an_endpoint_answers_with_it() -> None:
    store, registry = champion_of_chance(WindowRules(), seed=1), Registry()
    assert register(store, registry, "champion", deploy=True) == "models/fsictl@chance"
    assert registry.told == ["list chance", "deploy chance"]
    register(store, registry, "chance", deploy=False)
    assert registry.told[2:] == ["list chance"]
