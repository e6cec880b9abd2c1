"""What the thresholds achieved: the share of windows flagged over the last hour, day and week, by symbol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HOUR_MS = 3_600_000
PERIODS = {"hour": HOUR_MS, "day": 24 * HOUR_MS, "week": 168 * HOUR_MS}

BAND = 0.5
"""A rate off its target by more than this share raises a warning."""

LEAST_EXPECTED = 100
"""But only when so many windows would be flagged at the target rate; fewer prove nothing, since they overlap."""


@dataclass(frozen=True, slots=True)
class AchievedRate:
    """Shares of the windows of one symbol (``*``: of all) that one version called unreliable, or alerted about.

    The period ends with the last full hour. ``warning`` is empty while the rates are what they are meant to be.
    """

    symbol: str
    period: str
    windows: int
    label_rate: float
    alert_rate: float
    warning: str


def achieved_rates(rows: Iterable[Mapping[str, Any]]) -> list[AchievedRate]:
    """The rates from rows of ``calibrations`` of one version.

    >>> row = {"symbol": "A", "timestamp": 7200000, "label_rate": 0.1, "alert_rate": 0.01}
    >>> made = achieved_rates([row | {"windows": 2000, "unreliable": 400, "alerts": 10}])
    >>> made[0].warning
    'unreliable 20.0%, meant 10.0%'
    """
    known = list(rows)
    newest = max((int(row["timestamp"]) for row in known), default=0)
    found = []
    for symbol in ["*", *sorted({str(row["symbol"]) for row in known})]:
        mine = [row for row in known if symbol in ("*", row["symbol"])]
        for period, length in PERIODS.items():
            within = [row for row in mine if int(row["timestamp"]) > newest - length]
            windows = sum(int(row["windows"]) for row in within)
            if windows:
                found.append(_rate(symbol, period, windows, within))
    return found


def _rate(symbol: str, period: str, windows: int, rows: list[Mapping[str, Any]]) -> AchievedRate:
    rates, warnings = [], []
    for name, count, target in (("unreliable", "unreliable", "label_rate"), ("alert", "alerts", "alert_rate")):
        rate, meant = sum(int(row[count]) for row in rows) / windows, float(rows[-1][target])
        rates.append(rate)
        if meant * windows >= LEAST_EXPECTED and abs(rate - meant) > BAND * meant:
            warnings.append(f"{name} {rate:.1%}, meant {meant:.1%}")
    return AchievedRate(symbol, period, windows, rates[0], rates[1], "; ".join(warnings))
