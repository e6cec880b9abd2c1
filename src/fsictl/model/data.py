"""What a training reads, in numbers, and whether it can be learned from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.errors import NotEnoughDataError
from fsictl.model.columns import Columns, Floats
from fsictl.model.split import WindowSplit
from fsictl.model.windows import ROW_MS

MOST_FILLED = 0.9
"""Share of gap-filled rows above which there is no price to learn from."""

DRIFTED = 0.25
"""Population stability index above which two samples are commonly called different (below 0.1: alike)."""

_DECILES = np.arange(0.1, 0.95, 0.1)
_LEAST_SHARE = 1e-3


def statistics(columns: Columns, split: WindowSplit, names: tuple[str, ...]) -> dict[str, Any]:
    """Counts of rows, gaps and nulls for each symbol, and the deciles of each feature in the usable windows."""
    by_symbol = {symbol: _of_symbol(columns, code) for code, symbol in enumerate(columns.symbols)}
    ends = np.concatenate([split.train, split.calibrate, split.check])
    features = split.features[ends]
    parts = {name: _parts(features[:, place]) for place, name in enumerate(names)} if len(ends) else {}
    return {"symbols": by_symbol, "features": parts}


def _parts(values: npt.NDArray[np.float32]) -> dict[str, list[float]]:
    """The deciles, and the shares of values between them, which differ from a tenth where many values are equal."""
    deciles = np.quantile(values.astype(np.float64), _DECILES).round(6)
    return {"deciles": deciles.tolist(), "shares": _shares(deciles, values).round(6).tolist()}


def _of_symbol(columns: Columns, code: int) -> dict[str, Any]:
    mine = columns.code == code
    time = columns.timestamp[mine]
    return {
        "rows": int(mine.sum()),
        "first": int(time[0]),
        "last": int(time[-1]),
        "holes": int((np.diff(time) != ROW_MS).sum()),
        "filled": round(float(columns.filled[mine].mean()), 4),
        "null_rsi": round(float(np.isnan(columns.rsi[mine]).mean()), 4),
        "prices": len(np.unique(columns.close[mine])),
    }


def validate(columns: Columns) -> None:
    """Raise ``NotEnoughDataError`` with the reason when these rows cannot be learned from, however many they are."""
    if not len(columns):
        return  # how many windows are needed is said elsewhere
    named = {"LAST": columns.close, "SIMPLE_MOVING_AVERAGE": columns.sma, "STANDARD_DEVIATION": columns.deviation}
    named |= {"EXPONENTIAL_MOVING_AVERAGE": columns.ema, "LOG_RTN": columns.log_return}
    for name, values in named.items():
        if not np.isfinite(values).any():
            message = f"{name} is not a number in any of the {len(columns)} rows"
            raise NotEnoughDataError(message, hint="Compute the metrics anew with `fsictl metrics backfill`.")
    if np.isnan(columns.rsi).all():
        message = f"the RSI is null in all of the {len(columns)} rows: the prices never move"
        raise NotEnoughDataError(message, hint="Train on prices that move, or on more hours.")
    filled = float(columns.filled.mean())
    if filled > MOST_FILLED:
        message = f"{filled:.0%} of the {len(columns)} rows only fill gaps"
        raise NotEnoughDataError(message, hint="Train on a symbol that has ticks in most seconds, or on more hours.")


def stability_index(deciles: Floats, shares: Floats, values: npt.NDArray[np.floating[Any]]) -> float:
    """The population stability index of ``values`` against a sample with these shares between these deciles.

    >>> deciles, shares = np.arange(1.0, 10.0), np.full(10, 0.1)
    >>> stability_index(deciles, shares, np.arange(0.5, 10.0)) < 1e-9
    True
    >>> stability_index(deciles, shares, np.full(10, 3.5)) > DRIFTED
    True
    """
    return index_of_shares(shares, _shares(deciles, values))


def _shares(deciles: Floats, values: npt.NDArray[np.floating[Any]]) -> Floats:
    counts = np.bincount(np.searchsorted(deciles, values, side="right"), minlength=len(deciles) + 1)
    return counts / max(len(values), 1)


def index_of_shares(expected: Floats, found: Floats) -> float:
    """Σ (found − expected) · ln(found / expected), with shares of nothing taken as a thousandth."""
    expected, found = np.maximum(expected, _LEAST_SHARE), np.maximum(found, _LEAST_SHARE)
    return float(np.sum((found - expected) * np.log(found / expected)))


def drift(trained_on: Mapping[str, Any], split: WindowSplit, names: tuple[str, ...]) -> dict[str, float]:
    """The stability index of each feature against the statistics of a card; nothing for features it does not know."""
    known = trained_on.get("features", {})
    features = split.features[np.concatenate([split.train, split.calibrate, split.check])]
    found = {}
    for place, name in enumerate(names):
        if name in known and len(features):
            deciles, shares = (np.asarray(known[name][part], dtype=np.float64) for part in ("deciles", "shares"))
            found[name] = round(stability_index(deciles, shares, features[:, place]), 4)
    return found
