"""What a registry of models is told."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.model.versions_of_chance import random_card

from fsictl.model.registration import label, registration_of

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
