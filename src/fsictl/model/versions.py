"""Versions in the model store: immutable folders, found by name or through an alias, verified when they are loaded."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fsictl.errors import InputError
from fsictl.model.card import Card, read_card, write_card
from fsictl.model.features import FEATURES
from fsictl.model.network import Weights
from fsictl.model.scoring import GraphScorer
from fsictl.ports.artifacts import Artifacts

CHAMPION = "champion"
"""Alias of the version whose verdicts count."""

CHALLENGER = "challenger"
"""Alias of the newest version that did not become champion."""

CARD_FILE = "card.json"
KERAS_FILE = "model.keras"
GRAPH_FILE = "model.onnx"


@dataclass(frozen=True, slots=True)
class Scorer:
    """A version that is ready to score: its card and its graph."""

    card: Card
    graph: GraphScorer

    @property
    def version(self) -> str:
        """The version's name."""
        return self.card.version


def version_name(card: Card, weights: Weights) -> str:
    """Until when the version knows the market, and a hash of its weights and of the card's content.

    The same rows, seed and machine give the same name: neither the time of the run nor file formats take part.
    """
    digest = hashlib.sha256(json.dumps(card.content(), sort_keys=True).encode())
    for weight in weights:
        digest.update(weight.tobytes())
    until = datetime.fromtimestamp(card.snapshot.until / 1000, UTC)
    return f"{until:%Y%m%dT%H%M%S}-{digest.hexdigest()[:10]}"


def store_version(artifacts: Artifacts, card: Card, *, keras_file: bytes, graph: bytes) -> Card:
    """Store the files of a version under its name; returns the card with the hashes of the other two in it."""
    others = {KERAS_FILE: keras_file, GRAPH_FILE: graph}
    complete = replace(card, files={name: hashlib.sha256(data).hexdigest() for name, data in others.items()})
    artifacts.put(card.version, {**others, CARD_FILE: write_card(complete)})
    return complete


def load_card(artifacts: Artifacts, version: str) -> Card:
    """The card of a version or of an alias's version. ``InputError`` when there is none, or it is damaged."""
    folder = artifacts.resolve(version) or version
    card = read_card(artifacts.get(folder, CARD_FILE))
    if card.version != folder:
        message = f"model version {folder} holds the card of {card.version}"
        raise InputError(message, hint="Choose another version, or train a new one.")
    return card


def load_file(artifacts: Artifacts, card: Card, file: str) -> bytes:
    """One of the version's other files, compared with its hash in the card; ``InputError`` when it differs."""
    data = artifacts.get(card.version, file)
    if hashlib.sha256(data).hexdigest() != card.files.get(file):
        message = f"{file} of model version {card.version} is not the file that was stored"
        raise InputError(message, hint="Choose another version, or train a new one.")
    return data


def load_scorer(artifacts: Artifacts, version: str) -> Scorer:
    """A version or an alias's version, ready to score.

    ``InputError`` when it is missing, damaged, or made for features that this program does not compute.
    """
    card = load_card(artifacts, version)
    graph = GraphScorer(load_file(artifacts, card, GRAPH_FILE))
    if card.features != FEATURES or (graph.length, graph.features) != (card.length, len(FEATURES)):
        message = f"model version {card.version} was made for other features than this program computes"
        raise InputError(message, hint="Use the fsictl that made it, or train a new version.")
    return Scorer(card, graph)


def load_alias(artifacts: Artifacts, alias: str, loaded: Scorer | None = None) -> Scorer | None:
    """The version that the alias names now, ``None`` without one; ``loaded`` is given back while it still is that one.

    Cheap enough to be asked before every batch: only a move of the alias loads anything.
    """
    version = artifacts.resolve(alias)
    if version is None:
        return None
    if loaded is not None and loaded.version == version:
        return loaded
    return load_scorer(artifacts, version)


def promote(artifacts: Artifacts, version: str) -> None:
    """Let the champion be that version; running streams follow without a restart. ``InputError`` if it is damaged."""
    load_scorer(artifacts, version)
    artifacts.point(CHAMPION, version)


def rollback(artifacts: Artifacts) -> str:
    """Let the champion be the version that was champion when the present one was made; returns its name.

    ``InputError`` when there is no champion, or it had no predecessor, or that one is damaged.
    """
    version = artifacts.resolve(CHAMPION)
    parent = None if version is None else load_card(artifacts, version).parent
    if parent is None:
        message = "there is no champion" if version is None else f"model version {version} replaced no other"
        raise InputError(message, hint="Promote the version that you want by its name.")
    promote(artifacts, parent)
    return parent
