"""From an alert back to what it rests on: its worst second, the window of rows that was scored, ticks, and version."""

from __future__ import annotations

import json
import math
from typing import Any

from fsictl.alerts.episodes import Alert
from fsictl.dashboard.episodes import as_json, seconds_of
from fsictl.dashboard.models import told
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS, PRICES, RECONERR

WINDOW = 30
_ROWS = {
    "LAST": "price",
    "RELATIVE_STRENGTH_INDICATOR": "rsi",
    "DATA_POINT_COUNT": "ticks",
    "GAP_FILLED": "gap_filled",
}


def explain(warehouse: Warehouse, artifacts: Artifacts, alert: Alert) -> dict[str, Any]:
    """Everything stored about an alert, as JSON values; what is not stored any more is named under ``missing``.

    ``shares`` are the features' parts of the highest score, largest first; ``window`` holds the rows that were scored
    then, ``errors`` all scores of the alert, ``version`` the card.
    """
    where: dict[str, Any] = {"symbols": [alert.symbol]}
    rows = warehouse.read(RECONERR.name, start=alert.start, end=alert.end + 1, **where).to_pylist()
    verdicts = [row for row in rows if row["model_version"] == alert.model_version]
    worst = max(verdicts, key=_error, default=None)
    end = alert.start if worst is None else worst["timestamp"]
    start = end - (WINDOW - 1) * 1000
    window = warehouse.read(METRICS.name, start=start, end=end + 1, columns=["timestamp", *_ROWS], **where)
    ticks = warehouse.read(PRICES.name, start=start - 999, end=end + 1, columns=["timestamp"], **where).num_rows
    version = told(artifacts, alert.model_version) if alert.model_version else None
    missing = []
    if worst is None:
        missing.append("the verdicts of this alert are not stored any more")
    if window.num_rows < WINDOW:
        missing.append(f"of the {WINDOW} metrics rows that were scored, {window.num_rows} are stored")
    if not ticks:
        missing.append("no ticks of the window are stored")
    if version is not None and "problem" in version:
        missing.append(version["problem"])
    return {
        "alert": as_json(alert),
        "worst": None if worst is None else _verdict(worst),
        "shares": {} if worst is None else _shares(worst["feature_errors"]),
        "errors": {
            "time": [seconds_of(row["timestamp"]) for row in verdicts],
            "error": [row["reconstruction_error"] for row in verdicts],
        },
        "window": {
            "time": [seconds_of(timestamp) for timestamp in window["timestamp"].to_pylist()],
            **{short: window[long].to_pylist() for long, short in _ROWS.items()},
        },
        "ticks": ticks,
        "version": version,
        "missing": missing,
    }


def _error(row: dict[str, Any]) -> float:
    error = row["reconstruction_error"]
    return -math.inf if error is None else float(error)


def _verdict(row: dict[str, Any]) -> dict[str, Any]:
    plain = {name: row[name] for name in ("threshold", "p_value", "rsi", "side", "reason", "gap_filled_fraction")}
    return {"time": seconds_of(row["timestamp"]), "error": row["reconstruction_error"], **plain}


def _shares(text: str | None) -> dict[str, float]:
    try:
        shares = json.loads(text or "{}")
    except ValueError:
        return {}
    if not isinstance(shares, dict):
        return {}
    known = {name: float(share) for name, share in shares.items() if isinstance(share, int | float)}
    return dict(sorted(known.items(), key=lambda item: -item[1]))
