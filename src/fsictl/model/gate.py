"""The gate: may a new version take over from the champion?

Both are asked about the same latest held-out windows, the new version with the threshold it had before it saw them.
It passes when all its scores are numbers, when it calls unreliable about as many of these ordinary windows as it
promised, and when it does not break that promise by more than the champion does. This keeps broken versions away;
it does not prove that the new version finds more.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_FACTOR = 3.0
"""The label rate may be off by this factor, up or down."""

FREE_FACTOR = 1.5
"""Being off by less than this never counts against a version."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """The gate's answer with the numbers behind it; rates are shares of the held-out windows."""

    passed: bool
    reason: str
    windows: int
    target_rate: float
    label_rate: float
    champion: str | None
    champion_label_rate: float | None

    def as_dict(self) -> dict[str, Any]:
        """For the card."""
        return asdict(self)


def judge(
    scores: npt.NDArray[np.float32],
    threshold: float,
    *,
    target_rate: float,
    champion: str | None = None,
    champion_label_rate: float | None = None,
) -> GateResult:
    """The gate over scores of held-out windows.

    >>> judge(np.array([1, 2, 3, 4], dtype=np.float32), 3.5, target_rate=0.2).passed
    True
    """
    rate = float(np.mean(scores > threshold)) if len(scores) else 0.0
    own, champions = _deviation(rate, target_rate), math.inf
    if champion_label_rate is not None:
        champions = _deviation(champion_label_rate, target_rate)
    if not np.all(np.isfinite(scores)):
        reason = "some held-out windows have no finite score"
    elif own > MOST_FACTOR:
        reason = f"it calls {rate:.1%} of held-out windows unreliable where {target_rate:.1%} were meant"
    elif own > max(champions, FREE_FACTOR):
        reason = f"its label rate of {rate:.1%} is further from {target_rate:.1%} than the champion's"
    else:
        reason = ""
    return GateResult(not reason, reason, len(scores), target_rate, rate, champion, champion_label_rate)


def _deviation(rate: float, target: float) -> float:
    """By which factor, at least 1, a rate is off its target."""
    return math.inf if rate <= 0 else max(rate / target, target / rate)
