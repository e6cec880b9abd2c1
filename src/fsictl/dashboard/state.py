"""What a symbol's newest row means: the same decision as in ``static/state.js``, for those who have no browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERDICT_HOLDS = 5
"""Seconds for which the last verdict speaks for newer rows that are still being scored."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Above and below which RSI a symbol is overbought or oversold, and after how many seconds it is stale."""

    overbought: float = 70.0
    oversold: float = 30.0
    stale_after: int = 20


def symbol_state(row: Mapping[str, Any], newest: int, limits: Limits) -> str:
    """``stale``, ``flat`` (no RSI), ``unreliable``, ``overbought``, ``oversold`` or ``normal``.

    ``row`` is one of :meth:`fsictl.dashboard.board.Board.rows`, ``newest`` the end of the newest bar of all symbols.

    >>> row = {"time": 100, "rsi": 75.0, "gap_filled": False, "last_tick": 99_500, "verdict": None}
    >>> symbol_state(row, 100, Limits()), symbol_state(row, 121, Limits())
    ('overbought', 'stale')
    >>> symbol_state(row | {"verdict": {"time": 97, "unreliable": True, "reason": None}}, 100, Limits())
    'unreliable'
    """
    no_tick = row["gap_filled"] and row["time"] - row["last_tick"] / 1000 > limits.stale_after
    if newest - row["time"] > limits.stale_after or no_tick:
        return "stale"
    verdict = row["verdict"]
    if verdict is not None and row["time"] - verdict["time"] > VERDICT_HOLDS:
        verdict = None
    if verdict is not None and "stale" in (verdict["reason"] or "").lower():
        return "stale"
    if row["rsi"] is None:
        return "flat"
    side = "normal"
    if row["rsi"] > limits.overbought:
        side = "overbought"
    elif row["rsi"] < limits.oversold:
        side = "oversold"
    return "unreliable" if side != "normal" and verdict is not None and verdict["unreliable"] else side
