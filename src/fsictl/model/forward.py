"""What prices did after an RSI signal: did those who acted on an unreliable one fare worse?

The return of a signal is signed: falling prices after "overbought" (sell) and rising ones after "oversold" (buy)
count as gains. Signals of neighbouring seconds share most of their future, so intervals come from a bootstrap of
whole blocks of time, each longer than window and horizon together (Künsch, Annals of Statistics 17, 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fsictl.model.columns import Columns, Flags, Floats, Integers, columns_of
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import Scorer
from fsictl.model.windows import ROW_MS, WindowRules

if TYPE_CHECKING:
    import pyarrow as pa

DRAWS = 2000
LEAST_BLOCKS = 8
"""Blocks with signals below which no interval is given: they would be too few to draw from."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval; NaN where there is too little to tell."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ForwardReturns:
    """Signals with a known future, flagged or not: how many, mean return in basis points, share of gains.

    ``difference`` is the hit rate of reliable signals less that of flagged ones: above zero, the flag helps.
    """

    horizon: int
    blocks: int
    flagged: int
    reliable: int
    flagged_return: Estimate
    reliable_return: Estimate
    flagged_hits: Estimate
    reliable_hits: Estimate
    difference: Estimate


def signal_returns(
    table: pa.Table, scorer: Scorer, rules: WindowRules, horizons: Sequence[int]
) -> list[ForwardReturns]:
    """What followed the signals in these rows of ``metrics``, for each horizon (seconds), as the version judges them.

    "Flagged" is what it calls unreliable, the rule about stale feeds included.
    """
    verdicts = InferenceOperator(rules).process(table, scorer)
    verdicts = verdicts.filter(verdicts.column("unreliable").is_valid())
    columns = columns_of(table)
    codes = {symbol: code for code, symbol in enumerate(columns.symbols)}
    time = verdicts.column("timestamp").to_numpy()
    code = np.array([codes[symbol] for symbol in verdicts.column("symbol").to_pylist()], np.int64)
    ends = np.searchsorted(_key(columns.code, columns.timestamp), _key(code, time))
    overbought = np.array(verdicts.column("side").to_pylist(), dtype=object) == "overbought"
    flagged = np.array(verdicts.column("unreliable").to_pylist(), dtype=np.bool_)
    return [
        forward_returns(
            time, signed_returns(columns, ends, overbought, horizon), flagged, horizon=horizon, length=rules.length
        )
        for horizon in horizons
    ]


def _key(code: Integers, timestamp: Integers) -> Integers:
    return code * np.int64(2**50) + timestamp // ROW_MS


def signed_returns(columns: Columns, ends: Integers, overbought: Flags, horizon: int) -> Floats:
    """Log return from each row over the next ``horizon`` seconds, signed; NaN where that second has no row.

    A price that only stands because a gap was filled counts as it stands.
    """
    key = _key(columns.code, columns.timestamp)
    wanted = key[ends] + horizon
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    gain = np.log(columns.close[place] / columns.close[ends]) * np.where(overbought, -1.0, 1.0)
    return np.where(key[place] == wanted, gain, np.nan)


def forward_returns(
    timestamp: Integers, returns: Floats, flagged: Flags, *, horizon: int, length: int, seed: int = 1
) -> ForwardReturns:
    """Compare signals at these times (ms); those without a future (NaN) are left out."""
    known = np.isfinite(returns)
    timestamp, returns, flagged = timestamp[known], returns[known], flagged[known]
    block = timestamp // ((horizon + length) * 2 * ROW_MS)
    _, number = np.unique(block, return_inverse=True)
    blocks = int(number.max()) + 1 if len(number) else 0
    moved = returns != 0
    weights = [1.0 * part for mask in (flagged, ~flagged) for part in (mask, mask & moved, mask & (returns > 0))]
    weights += [np.where(mask, returns, 0.0) for mask in (flagged, ~flagged)]
    sums = [np.bincount(number, weights=part, minlength=blocks).astype(np.float64) for part in weights]
    table: Floats = np.stack(sums) if blocks else np.zeros((8, 1))
    whole, spread = _statistics(table.sum(axis=1)[:, None]), None
    if blocks >= LEAST_BLOCKS:
        drawn = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS)
        spread = _statistics(table @ drawn.T.astype(np.float64))
    estimates = [_estimate(float(value[0]), None if spread is None else spread[i]) for i, value in enumerate(whole)]
    return ForwardReturns(horizon, blocks, int(flagged.sum()), int((~flagged).sum()), *estimates)


def _statistics(sums: npt.NDArray[np.float64]) -> list[Floats]:
    flagged, flagged_moved, flagged_gains, reliable, reliable_moved, reliable_gains, lost, won = sums
    with np.errstate(invalid="ignore", divide="ignore"):
        flagged_hits, reliable_hits = flagged_gains / flagged_moved, reliable_gains / reliable_moved
        means = (1e4 * lost / flagged, 1e4 * won / reliable)
        return [*means, flagged_hits, reliable_hits, reliable_hits - flagged_hits]


def _estimate(value: float, draws: Floats | None) -> Estimate:
    if draws is None or not np.isfinite(draws).mean() > 0.9:
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.quantile(draws[np.isfinite(draws)], (0.025, 0.975))
    return Estimate(value, float(low), float(high))
