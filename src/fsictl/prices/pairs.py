"""The currency pairs that can be simulated: where each starts and how finely it is quoted."""

from __future__ import annotations

from dataclasses import dataclass

from fsictl.errors import InputError


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair's start price, which is also the price that it reverts to, and its liveliness.

    ``decimals`` is the precision of its quotes; ``activity`` its ticks relative to those of the other pairs.
    """

    start: float
    decimals: int = 5
    activity: float = 1.0

    @property
    def tick_size(self) -> float:
        """The smallest step between two prices."""
        return float(10.0**-self.decimals)


PAIRS: dict[str, Pair] = {
    "AUDJPY": Pair(81.44, 3),
    "AUDUSD": Pair(0.77),
    "CADJPY": Pair(87.36, 3, activity=0.1),  # sparse, so that there are gaps to fill
    "EURAUD": Pair(1.54),
    "EURCAD": Pair(1.48),
    "EURGBP": Pair(0.85),
    "EURJPY": Pair(129.38, 3),
    "EURUSD": Pair(1.18),
    "GBPAUD": Pair(1.8),
    "GBPCHF": Pair(1.29),
    "GBPJPY": Pair(151.47, 3),
    "GBPNZD": Pair(1.96),
    "GBPUSD": Pair(1.38),
    "NZDUSD": Pair(0.71),
    "USDCAD": Pair(1.25),
    "USDCHF": Pair(0.94),
    "USDJPY": Pair(109.93, 3),
}
"""Every pair by its symbol."""


def pair_of(symbol: str) -> Pair:
    """The pair of that symbol.

    >>> pair_of("USDJPY").tick_size
    0.001

    Raises ``InputError`` for a symbol that cannot be simulated.
    """
    if symbol not in PAIRS:
        message = f"{symbol!r} is not a currency pair that can be simulated"
        raise InputError(message, hint=f"Choose from {', '.join(PAIRS)}.")
    return PAIRS[symbol]


def dollars(symbol: str) -> float:
    """What one unit of a pair's first currency is worth in US dollars, by the start prices.

    >>> dollars("USDJPY"), dollars("EURGBP"), round(dollars("CADJPY"), 6)
    (1.0, 1.18, 0.8)

    Raises ``InputError`` for a symbol that cannot be simulated.
    """
    pair_of(symbol)
    base = symbol[:3]
    if base == "USD":
        return 1.0
    return PAIRS[f"{base}USD"].start if f"{base}USD" in PAIRS else 1 / PAIRS[f"USD{base}"].start
