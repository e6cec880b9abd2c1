"""What a registry of models is told of a version: its lineage in labels and in a sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from fsictl.model.card import Card
from fsictl.model.versions import load_card
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.registry import ModelRegistry, Registration

_MOST = 63
_ALL_SYMBOLS = 4
"""Up to so many symbols are named; of more, only the number fits."""


def register(artifacts: Artifacts, registry: ModelRegistry, version: str, *, deploy: bool) -> str:
    """List a version, or the one an alias names, in a registry; its name there.

    With ``deploy`` the registry's endpoint answers with it from then on. Doing it again changes nothing. Raises what
    the store and the registry raise: the version is champion then all the same.
    """
    told = registration_of(load_card(artifacts, version))
    named = registry.register(told)
    if deploy:
        registry.deploy(told.version)
    return named


def registration_of(card: Card) -> Registration:
    """The version as a registry lists it. The whole card is among the version's files."""
    snapshot = card.snapshot
    symbols = snapshot.symbols
    labels = {
        "fsictl_version": card.version,
        "detector": card.detector,
        "preset": card.preset,
        "trained_on": "-".join(symbols) if len(symbols) <= _ALL_SYMBOLS else f"{len(symbols)}-symbols",
        "trained_since": _moment(snapshot.since),
        "trained_until": _moment(snapshot.until),
        "snapshot": snapshot.sha256[:16],
        "parent": card.parent or "none",
        "gate": "passed" if card.gate.get("passed") else "refused",
        "code": card.code_version,
    }
    said = (
        f"{card.detector}, trained on {snapshot.rows:,} rows of {len(symbols)} symbols from {_words(snapshot.since)} to"
    )
    return Registration(
        card.version,
        {key: label(value) for key, value in labels.items()},
        f"{said} {_words(snapshot.until)} UTC (sha256 {snapshot.sha256[:16]}…), fsictl {card.code_version}",
    )


def label(text: str) -> str:
    """Text as a label's value: lower case, other characters than ``a-z 0-9 _ -`` as ``-``, at most 63.

    >>> label("20260131T000000-0a1b2c3d4e"), label("0.1.0"), label("EUR/USD")
    ('20260131t000000-0a1b2c3d4e', '0-1-0', 'eur-usd')
    """
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:_MOST]


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y%m%dt%H%M%S}"


def _words(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"
