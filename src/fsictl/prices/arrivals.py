"""When ticks arrive: a Poisson process, drawn one fixed stretch of event time after the other."""

from __future__ import annotations

import numpy as np

from fsictl.records.ticks import FloatArray


def arrival_times(rng: np.random.Generator, rate: float, seconds: float) -> FloatArray:
    """Times of arrival in [0, ``seconds``), ascending, at ``rate`` a second on average.

    Given their number, the arrivals of a Poisson process are uniform and independent; the process has no
    memory, so stretches drawn one after the other join without a seam.

    >>> times = arrival_times(np.random.default_rng(1), rate=10.0, seconds=60.0)
    >>> 400 < len(times) < 800, bool((np.diff(times) >= 0).all())
    (True, True)
    """
    times = rng.random(rng.poisson(rate * seconds)) * seconds
    times.sort()
    return times
