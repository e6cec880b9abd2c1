"""The card of a version: everything about it but its weights, as JSON that people and programs can read."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fsictl.errors import InputError
from fsictl.model.calibration import Calibration, calibrate
from fsictl.model.histogram import ScoreHistogram
from fsictl.model.scaler import Scaler

CARD_FORMAT = 3

ANOMALIES = "anomalies"
"""In the ``evaluation`` of a card: how its detectors find anomalies put into prices; judged after it is named."""


_SEAL = "sha256"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The stored rows a version was trained on: ``since <= timestamp < until`` (ms), and the hash of what was read."""

    symbols: tuple[str, ...]
    since: int
    until: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a version is and where it comes from.

    ``detector`` names the one that scores, of those in ``detectors`` (file name of each detector's graph);
    ``calibration`` is about its scores, ``by_symbol`` about those of single symbols. ``training`` (seed, steps,
    loss, windows …), ``data`` (statistics of what was trained on), ``evaluation`` (numbers on held-out windows),
    ``gate``, ``libraries`` are for the reader; everything else is needed to score. ``files`` holds the SHA-256 of the
    version's other files.
    """

    version: str
    preset: str
    features: tuple[str, ...]
    length: int
    metrics_window: int
    rsi_window: int
    overbought: float
    oversold: float
    scaler: Scaler
    detector: str
    detectors: Mapping[str, str]
    calibration: Calibration
    snapshot: Snapshot
    training: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    libraries: Mapping[str, str]
    code_version: str
    by_symbol: Mapping[str, Calibration] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    created_at: int = 0
    requested_by: str = ""
    parent: str | None = None
    gate: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> dict[str, Any]:
        """What two runs over the same rows with the same seed have in common: no name, time, parent or judgement."""
        evaluation = {name: value for name, value in self.evaluation.items() if name != ANOMALIES}
        anonymous = replace(
            self, version="", created_at=0, requested_by="", parent=None, gate={}, files={}, evaluation=evaluation
        )
        return _to_json(anonymous)


def write_card(card: Card) -> bytes:
    """The card as JSON text, keys sorted, sealed."""
    return seal(_to_json(card))


def seal(body: Mapping[str, Any]) -> bytes:
    """A card's JSON text with the SHA-256 of all that it says, by which :func:`read_card` notices damage.

    >>> json.loads(seal({"format": 3}))["sha256"][:8]
    'fc458e6f'
    """
    sealed = {**body, _SEAL: _hash_of(body)}
    return (json.dumps(sealed, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _hash_of(body: Mapping[str, Any]) -> str:
    said = {name: value for name, value in body.items() if name != _SEAL}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_card(data: bytes) -> Card:
    """The card from its JSON text.

    ``InputError`` when it is not one, was changed since, or is of a format that this program does not know.
    """
    try:
        body = json.loads(data)
        if body["format"] != CARD_FORMAT:
            message = f"the model's card has format {body['format']!r}, and this fsictl reads {CARD_FORMAT}"
            raise InputError(message, hint="Use the fsictl that made it, or train a new version.")
        if body[_SEAL] != _hash_of(body):
            message = f"the card of model version {body['version']} is not the one that was stored"
            raise InputError(message, hint="Choose another version, or train a new one.")
        return _of_json(body)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        message = f"the model's card cannot be read: {error!r}"
        raise InputError(message, hint="Choose another version, or train a new one.") from error


def _to_json(card: Card) -> dict[str, Any]:
    calibration = card.calibration
    return {
        "format": CARD_FORMAT,
        "version": card.version,
        "created_at": card.created_at,
        "requested_by": card.requested_by,
        "parent": card.parent,
        "code_version": card.code_version,
        "libraries": dict(card.libraries),
        "preset": card.preset,
        "features": list(card.features),
        "window": card.length,
        "metrics": {"window": card.metrics_window, "rsi_window": card.rsi_window},
        "extreme": {"overbought": card.overbought, "oversold": card.oversold},
        "scaler": {
            "center": list(card.scaler.center),
            "scale": list(card.scaler.scale),
            "bend": card.scaler.bend,
        },
        "detector": card.detector,
        "detectors": dict(card.detectors),
        "calibration": {
            "label_rate": calibration.label_rate,
            "alert_rate": calibration.alert_rate,
            "label_threshold": _finite(calibration.label_threshold),  # these two for readers: they follow from "all"
            "alert_threshold": _finite(calibration.alert_threshold),
            "all": calibration.histogram.as_json(),
            "by_symbol": {symbol: one.histogram.as_json() for symbol, one in card.by_symbol.items()},
        },
        "snapshot": {
            "symbols": list(card.snapshot.symbols),
            "since": card.snapshot.since,
            "until": card.snapshot.until,
            "rows": card.snapshot.rows,
            "sha256": card.snapshot.sha256,
        },
        "data": dict(card.data),
        "training": dict(card.training),
        "evaluation": dict(card.evaluation),
        "gate": dict(card.gate),
        "files": dict(card.files),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _of_json(body: dict[str, Any]) -> Card:
    snapshot, scaler = body["snapshot"], body["scaler"]
    calibration, by_symbol = _calibrations_of(body["calibration"])
    detectors = {str(name): str(file) for name, file in body["detectors"].items()}
    if body["detector"] not in detectors:
        message = f"the detector {body['detector']!r} has no file"
        raise ValueError(message)
    return Card(
        version=str(body["version"]),
        preset=str(body["preset"]),
        features=tuple(map(str, body["features"])),
        length=int(body["window"]),
        metrics_window=int(body["metrics"]["window"]),
        rsi_window=int(body["metrics"]["rsi_window"]),
        overbought=float(body["extreme"]["overbought"]),
        oversold=float(body["extreme"]["oversold"]),
        scaler=Scaler(_numbers(scaler["center"]), _numbers(scaler["scale"]), bool(scaler["bend"])),
        detector=str(body["detector"]),
        detectors=detectors,
        calibration=calibration,
        by_symbol=by_symbol,
        snapshot=Snapshot(
            symbols=tuple(map(str, snapshot["symbols"])),
            since=int(snapshot["since"]),
            until=int(snapshot["until"]),
            rows=int(snapshot["rows"]),
            sha256=str(snapshot["sha256"]),
        ),
        data=dict(body["data"]),
        training=dict(body["training"]),
        evaluation=dict(body["evaluation"]),
        libraries=dict(body["libraries"]),
        code_version=str(body["code_version"]),
        created_at=int(body["created_at"]),
        requested_by=str(body["requested_by"]),
        parent=None if body["parent"] is None else str(body["parent"]),
        gate=dict(body["gate"]),
        files=dict(body["files"]),
    )


def _calibrations_of(body: dict[str, Any]) -> tuple[Calibration, dict[str, Calibration]]:
    rates = {"label_rate": float(body["label_rate"]), "alert_rate": float(body["alert_rate"])}
    pooled = calibrate(ScoreHistogram.of_json(body["all"]), **rates)
    if not pooled.histogram.total:
        message = "calibration scores are missing"
        raise ValueError(message)
    own = {str(name): calibrate(ScoreHistogram.of_json(one), **rates) for name, one in body["by_symbol"].items()}
    return pooled, own


def _numbers(values: list[Any]) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if not all(map(math.isfinite, numbers)):
        message = "a number is not finite"
        raise ValueError(message)
    return numbers
