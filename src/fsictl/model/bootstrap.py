"""The version that comes with the program: made by ``scripts/make_bootstrap.py`` from simulated prices.

It lets a stream score from its first minute on, before there is anything to train on. Its card says how it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsictl.model.aliases import CHAMPION
from fsictl.model.card import Card, read_card
from fsictl.model.promotion import promotion
from fsictl.model.versions import CARD_FILE, KERAS_FILE, load_file
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import PROMOTIONS

FOLDER = Path(__file__).parent / "bootstrap_version"
"""Where its files are in the package."""

ORIGIN = "origin"
"""In the ``training`` of a card: where prices come from that are not those of a market."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The shipped version in a store; ``champion`` tells whether it scores now."""

    version: str
    champion: bool


class _Package:
    """The shipped version's files, for what loads versions."""

    def get(self, folder: str, file: str) -> bytes:
        """The bytes of one file."""
        return (FOLDER / file).read_bytes()


def shipped_card() -> Card:
    """The card of the version that comes with the program."""
    return read_card(_Package().get("", CARD_FILE))


def shipped_files() -> dict[str, bytes]:
    """Every file of it by name; ``InputError`` when one is not what its card says."""
    card = shipped_card()
    names = [KERAS_FILE, *card.detectors.values()]
    return {name: load_file(_Package(), card, name) for name in names} | {CARD_FILE: _Package().get("", CARD_FILE)}


def suits(card: Card, rules: WindowRules) -> bool:
    """Whether a card is about windows and metrics like these."""
    own = (card.length, card.metrics_window, card.rsi_window, card.overbought, card.oversold)
    return own == (rules.length, rules.metrics_window, rules.rsi_window, rules.overbought, rules.oversold)


def install(artifacts: Artifacts, warehouse: Warehouse, *, at: int) -> Installed:
    """Store the shipped version, and let it be champion if there is none; again changes nothing. ``at``: now, ms."""
    card = shipped_card()
    artifacts.put(card.version, shipped_files())
    if artifacts.resolve(CHAMPION) is None:
        warehouse.write(PROMOTIONS.name, promotion(card.version, None, action="bootstrap", at=at))
        artifacts.swap(CHAMPION, None, card.version)
    return Installed(card.version, artifacts.resolve(CHAMPION) == card.version)


def origin_of(card: Card) -> Mapping[str, Any] | None:
    """How the prices were made that a version was trained on, if they are not those of a market."""
    found = card.training.get(ORIGIN)
    return found if isinstance(found, dict) else None
