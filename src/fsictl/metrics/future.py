"""Ticks from the future: a feed whose clock is wrong must not move time for all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fsictl.records.message import Reject
from fsictl.records.ticks import IntArray, Ticks
from fsictl.records.validation import reject_of_tick


def too_far_ahead(timestamp: IntArray, *, latest_ms: int, newest_ms: int) -> npt.NDArray[np.bool_]:
    """Which ticks of a message are rejects because they are later than ``latest_ms``.

    Only where times are not in the future anyway, so that prices of any date can be replayed: others in the message
    are not, or the newest ones before it were not (``newest_ms``, 0 when there were none).

    >>> too_far_ahead(np.array([5, 900]), latest_ms=100, newest_ms=0).tolist()
    [False, True]
    >>> too_far_ahead(np.array([900]), latest_ms=100, newest_ms=0).tolist()
    [False]
    >>> too_far_ahead(np.array([900]), latest_ms=100, newest_ms=50).tolist()
    [True]
    """
    ahead = timestamp > latest_ms
    if 0 < newest_ms <= latest_ms or not ahead.all():
        return ahead
    return np.zeros(len(ahead), bool)


def without_future(ticks: Ticks, *, latest_ms: int, newest_ms: int) -> tuple[Ticks, list[Reject]]:
    """The ticks of a message that are not :func:`too_far_ahead`, and the others as rejects ``future``."""
    ahead = too_far_ahead(ticks.timestamp, latest_ms=latest_ms, newest_ms=newest_ms)
    if not ahead.any():
        return ticks, []
    detail = "it is too far ahead of the time at which it was published"
    rejects = [reject_of_tick(ticks, index, "future", detail) for index in np.flatnonzero(ahead).tolist()]
    return ticks.take(~ahead), rejects
