"""Versions in the model store: immutable folders, found by name or through an alias, verified when they are loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fsictl.errors import InputError
from fsictl.model.card import Card, read_card, write_card
from fsictl.model.features import FEATURES, LEVELS
from fsictl.model.network import Weights
from fsictl.model.scoring import GraphScorer
from fsictl.ports.artifacts import Artifacts, ReadableArtifacts

CARD_FILE = "card.json"
KERAS_FILE = "model.keras"


@dataclass(frozen=True, slots=True)
class Scorer:
    """A version that is ready to score: its card, and the graph of the detector that the card names."""

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


def graph_file(detector: str) -> str:
    """The name of the file that holds the scoring graph of a detector."""
    return f"{detector}.onnx"


def store_version(artifacts: Artifacts, card: Card, *, keras_file: bytes, graphs: Mapping[str, bytes]) -> Card:
    """Store the files of a version, with the graph of each detector, under its name.

    Returns the card with the hashes of all other files in it.
    """
    others = {KERAS_FILE: keras_file} | {card.detectors[name]: graph for name, graph in graphs.items()}
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


def load_file(artifacts: ReadableArtifacts, card: Card, file: str) -> bytes:
    """One of the version's other files, compared with its hash in the card; ``InputError`` when it differs."""
    data = artifacts.get(card.version, file)
    if hashlib.sha256(data).hexdigest() != card.files.get(file):
        message = f"{file} of model version {card.version} is not the file that was stored"
        raise InputError(message, hint="Choose another version, or train a new one.")
    return data


def load_scorer(artifacts: Artifacts, version: str) -> Scorer:
    """A version or an alias's version, ready to score; every file of it is compared with its hash.

    ``InputError`` when it is missing, damaged, or made for features that this program does not compute.
    """
    card = load_card(artifacts, version)
    for file in set(card.files) - {card.detectors[card.detector]}:
        load_file(artifacts, card, file)
    return Scorer(card, load_detector(artifacts, card, card.detector))


def load_detector(artifacts: ReadableArtifacts, card: Card, name: str) -> GraphScorer:
    """One of the version's detectors; errors as of :func:`load_scorer`."""
    if name not in card.detectors:
        message = f"model version {card.version} has no detector {name!r}"
        raise InputError(message, hint=f"It has {', '.join(card.detectors)}.")
    graph = GraphScorer(load_file(artifacts, card, card.detectors[name]))
    known = card.features in (FEATURES, LEVELS)
    if not known or (graph.length, graph.features) != (card.length, len(card.features)):
        message = f"model version {card.version} was made for other features than this program computes"
        raise InputError(message, hint="Use the fsictl that made it, or train a new version.")
    return graph
