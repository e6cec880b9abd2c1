"""From an alert back to what it rests on: p-value, threshold, features, seconds, ticks, version and training data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fsictl.alerts.episodes import COLUMNS as VERDICT_COLUMNS
from fsictl.alerts.episodes import Alert, episodes_of, shares_of
from fsictl.errors import FsictlError, InputError
from fsictl.model.card import Card
from fsictl.model.columns import Columns
from fsictl.model.dataset import read_range
from fsictl.model.detectors.contract import AUTOENCODER
from fsictl.model.features import features_of, history_rows
from fsictl.model.versions import load_card, load_detector
from fsictl.model.windows import ROW_MS, gather
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import PRICES, RECONERR

MOST_TICKS = 2_000
"""Ticks of the window that are handed out at most, the newest ones."""


def find_alert(warehouse: Warehouse, name: str) -> Alert:
    """The alert, or the stretch called unreliable, with that id or the only one whose id begins so."""
    table = warehouse.read(RECONERR.name, columns=VERDICT_COLUMNS)
    found: dict[str, Alert] = {}
    for flag in ("unreliable", "alert"):
        found |= {one.id: one for one in episodes_of(table, flag=flag) if one.id.startswith(name)}
    if name in found:
        return found[name]
    if len(found) == 1:
        return next(iter(found.values()))
    message = (
        f"there is no alert {name!r}" if not found else f"{len(found)} alerts have an id that begins with {name!r}"
    )
    raise InputError(
        message, hint="`fsictl alerts list` shows their ids, with --unreliable also those without an alert."
    )


def explain_alert(warehouse: Warehouse, artifacts: Artifacts, name: str) -> dict[str, Any]:
    """What :func:`explain` says of the alert that :func:`find_alert` finds."""
    return explain(warehouse, artifacts, find_alert(warehouse, name))


def explain(warehouse: Warehouse, artifacts: Artifacts, alert: Alert) -> dict[str, Any]:
    """Everything that is known about an alert, about its worst second above all, as plain values.

    What cannot be told any more, because the version or the rows are gone, is named under ``missing``.
    """
    verdict = _worst(warehouse, alert)
    missing: list[str] = []
    card = None
    try:
        card = load_card(artifacts, alert.model_version)
    except FsictlError as error:
        missing.append(str(error))
    length = card.length if card is not None else 30
    end = int(verdict["timestamp"])
    start = end - (length - 1) * ROW_MS
    told: dict[str, Any] = {
        "alert": dataclasses.asdict(alert),
        "verdict": verdict,
        "window": {"start": start, "end": end, "rows": length},
        "version": None if card is None else _version(card),
        "detectors": {},
        "seconds": [],
        "ticks": _ticks(warehouse, alert.symbol, start - ROW_MS + 1, end + 1),
        "missing": missing,
    }
    back = length + (history_rows(card.metrics_window) if card is not None else 0)
    columns = read_range(warehouse, [alert.symbol], end - (back - 1) * ROW_MS, end + 1)
    errors = None
    if card is not None and len(columns) == back:
        features = features_of(columns, metrics_window=card.metrics_window, names=card.features)
        window = gather(features, np.array([back - 1]), length)
        told["detectors"], errors = _detectors(artifacts, card, window, missing)
        told["features"] = {name: window[0, :, place].tolist() for place, name in enumerate(card.features)}
    elif card is not None:
        missing.append(f"of the {back} metrics rows that the score rests on, {len(columns)} are stored")
    told["seconds"] = _seconds(columns, start, errors)
    if not told["ticks"]:
        missing.append("no ticks of the window are stored")
    return told


def _worst(warehouse: Warehouse, alert: Alert) -> dict[str, Any]:
    """The verdict with the highest score in the alert, its feature shares taken apart."""
    rows = warehouse.read(RECONERR.name, symbols=[alert.symbol], start=alert.start, end=alert.end + 1).to_pylist()
    mine = [row for row in rows if row["model_version"] == alert.model_version]
    worst = max(mine, key=lambda row: -1.0 if row["reconstruction_error"] is None else row["reconstruction_error"])
    shares = shares_of(worst["feature_errors"])
    return {**worst, "feature_errors": dict(sorted(shares.items(), key=lambda item: -item[1]))}


def _version(card: Card) -> dict[str, Any]:
    return {
        "name": card.version,
        "detector": card.detector,
        "preset": card.preset,
        "trained_on": dataclasses.asdict(card.snapshot),
        "label_rate": card.calibration.label_rate,
        "alert_rate": card.calibration.alert_rate,
        "parent": card.parent,
        "requested_by": card.requested_by,
    }


def _detectors(
    artifacts: Artifacts, card: Card, window: Any, missing: list[str]
) -> tuple[dict[str, float], list[float] | None]:
    """The score of each of the version's detectors, and the autoencoder's error in each second."""
    scores, errors = {}, None
    for name in card.detectors:
        try:
            detector = load_detector(artifacts, card, name)
        except FsictlError as error:
            missing.append(str(error))
            continue
        scores[name] = float(detector.score(window).score[0])
        by_row = detector.row_errors(window) if name == AUTOENCODER else None
        if by_row is not None:
            errors = [float(value) for value in by_row[0]]
    return scores, errors


def _seconds(columns: Columns, start: int, errors: list[float] | None) -> list[dict[str, Any]]:
    """The rows of the window, with the autoencoder's error in each if it is known."""
    rows = np.flatnonzero(columns.timestamp >= start)
    known: list[float | None] = [None] * len(rows)
    if errors is not None and len(errors) == len(rows):
        known = [*errors]
    return [
        {
            "timestamp": int(columns.timestamp[row]),
            "price": float(columns.close[row]),
            "ticks": int(columns.ticks[row]),
            "gap_filled": bool(columns.filled[row]),
            "rsi": None if np.isnan(columns.rsi[row]) else float(columns.rsi[row]),
            "error": error,
        }
        for row, error in zip(rows.tolist(), known, strict=True)
    ]


def _ticks(warehouse: Warehouse, symbol: str, start: int, end: int) -> list[dict[str, Any]]:
    table = warehouse.read(
        PRICES.name, symbols=[symbol], start=start, end=end, columns=["timestamp", "value"], newest=MOST_TICKS
    )
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
