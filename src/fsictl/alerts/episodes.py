"""Episodes: verdicts that alert one after the other are one thing that happened, not sixty."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

MOST_APART_MS = 30_000
"""Alerting rows of a symbol and side that are at most this far apart, the length of a window, are one episode."""

COLUMNS = (
    "symbol",
    "timestamp",
    "model_version",
    "reconstruction_error",
    "threshold",
    "unreliable",
    "alert",
    "p_value",
    "rsi",
    "side",
    "feature_errors",
    "reason",
)
"""The columns of ``reconerr`` that episodes are made from."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One episode: from its first to its last alerting row (ms), both included.

    ``largest_error`` is the highest score, ``rsi`` the RSI there, ``main_feature`` the feature with the largest share
    of it, ``threshold`` the label threshold it was compared with, ``smallest_p_value`` the most unusual moment;
    they are ``None`` when a rule decided without a score, and ``reason`` names the rule.
    ``seconds`` counts from the start of the first row's second to the end of the last one's.
    """

    id: str
    symbol: str
    start: int
    end: int
    side: str
    rsi: float
    largest_error: float | None
    threshold: float | None
    smallest_p_value: float | None
    model_version: str
    seconds: int
    main_feature: str | None
    reason: str | None


def episodes_of(
    verdicts: pa.Table, *, flag: Literal["alert", "unreliable"] = "alert", most_apart_ms: int = MOST_APART_MS
) -> list[Alert]:
    """The episodes of rows of ``reconerr`` with that flag, in any order; returned by start, then symbol.

    A change of side, version or reason, or a pause of more than ``most_apart_ms`` ends an episode. An episode's id
    depends on its symbol, start and version alone: it stays the same while the episode grows.
    """
    import pyarrow.compute as pc

    flagged = verdicts.select(COLUMNS).filter(pc.fill_null(verdicts.column(flag), False))
    rows = flagged.sort_by([(name, "ascending") for name in ("symbol", "model_version", "timestamp")]).to_pylist()
    episodes: list[list[dict[str, Any]]] = []
    for row in rows:
        if episodes and _continues(episodes[-1][-1], row, most_apart_ms):
            episodes[-1].append(row)
        else:
            episodes.append([row])
    return sorted(map(_alert, episodes), key=lambda alert: (alert.start, alert.symbol, alert.model_version))


def continued(first: Alert, second: Alert, *, most_apart_ms: int = MOST_APART_MS) -> Alert | None:
    """Both as one, where the second of two alerts goes on with the first: what :func:`episodes_of` makes of all rows.

    ``None`` when it is another one.
    """
    same = all(getattr(first, name) == getattr(second, name) for name in ("symbol", "model_version", "side", "reason"))
    if not same or second.start - first.end > most_apart_ms:
        return None
    worst = max(first, second, key=_largest_error)
    p_values = [one.smallest_p_value for one in (first, second) if one.smallest_p_value is not None]
    return replace(
        worst,
        id=first.id,
        start=first.start,
        end=second.end,
        seconds=(second.end - first.start) // 1000 + 1,
        smallest_p_value=min(p_values, default=None),
    )


def _largest_error(alert: Alert) -> float:
    return -math.inf if alert.largest_error is None else alert.largest_error


def alert_id(symbol: str, start: int, model_version: str) -> str:
    """A short name for an episode.

    >>> alert_id("EURUSD", 1_600_000_000_999, "20200913T122640-0123456789")
    'c40f4c598a'
    """
    return hashlib.sha256(f"{symbol}\\n{start}\\n{model_version}".encode()).hexdigest()[:10]


def shares_of(feature_errors: str | None) -> dict[str, float]:
    """Each feature's share of a score, as ``reconerr`` keeps them; none of what is no JSON object of numbers.

    >>> shares_of('{"tlr": 0.7, "rsi": 0.3}'), shares_of("odd"), shares_of(None)
    ({'tlr': 0.7, 'rsi': 0.3}, {}, {})
    """
    try:
        found = json.loads(feature_errors or "{}")
        return {str(name): float(share) for name, share in found.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _continues(last: dict[str, Any], row: dict[str, Any], most_apart_ms: int) -> bool:
    same = all(last[name] == row[name] for name in ("symbol", "model_version", "side", "reason"))
    return same and row["timestamp"] - last["timestamp"] <= most_apart_ms


def _alert(rows: list[dict[str, Any]]) -> Alert:
    first, last = rows[0], rows[-1]
    worst = max(rows, key=lambda row: -math.inf if row["reconstruction_error"] is None else row["reconstruction_error"])
    shares = shares_of(worst["feature_errors"])
    return Alert(
        id=alert_id(first["symbol"], first["timestamp"], first["model_version"]),
        symbol=first["symbol"],
        start=first["timestamp"],
        end=last["timestamp"],
        side=first["side"],
        rsi=worst["rsi"],
        largest_error=worst["reconstruction_error"],
        threshold=worst["threshold"],
        smallest_p_value=min((row["p_value"] for row in rows if row["p_value"] is not None), default=None),
        model_version=first["model_version"],
        seconds=(last["timestamp"] - first["timestamp"]) // 1000 + 1,
        main_feature=max(shares, key=shares.__getitem__, default=None),
        reason=first["reason"],
    )
