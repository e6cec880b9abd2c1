"""What is added up over a window, for every bar; where a bar is absent, all of it is 0.

x is relative to a bar of the same half of the window. That keeps Σx² − (Σx)²/n safe, unlike with prices: the bar
itself adds at least (Σx/n)² to the sum of squared deviations, so at most log10(n) digits are lost.

A move belongs to a window when both of its bars do. So a head counts it with its newer bar and a tail with its
older one; the move from the tail's last bar to the head's first is in neither.
"""

from __future__ import annotations

import functools
from enum import IntEnum

import numpy as np

from fsictl.metrics.history import Part
from fsictl.records.ticks import FloatArray, IntArray


class Term(IntEnum):
    """The position of each term."""

    BARS = 0
    SUM = 1
    COUNT = 2
    FILLED = 3
    X = 4
    X_SQUARED = 5
    UP = 6
    DOWN = 7
    WEIGHTED = 8
    """LAST with the weight it has in the EMA."""


def head_terms(terms: FloatArray, bars: Part, first: FloatArray, previous: FloatArray) -> None:
    """Write the terms of a head's bars, shape [seconds, terms, symbols].

    ``first`` is the LAST of the head's first bar, shape [symbols]; ``previous`` is the LAST before each bar, shape
    [seconds, symbols], and ``first`` for the first one. ``WEIGHTED`` has yet to decay with every later bar.
    """
    _write_counts(terms, bars)
    _write_changes(terms, bars.only_present(bars.last - first), bars.only_present(bars.last - previous))
    terms[:, Term.WEIGHTED] = bars.only_present(bars.last)


def tail_terms(
    terms: FloatArray, bars: Part, before: FloatArray, after: IntArray, following: FloatArray, powers: FloatArray
) -> None:
    """Write the terms of a tail's bars, shape [seconds, terms, symbols].

    ``before`` is the LAST of the tail's last bar, shape [symbols]; ``after`` is the number of bars behind each one
    and ``following`` the LAST of the first of them, shape [seconds, symbols].
    """
    _write_counts(terms, bars)
    move = np.where(after > 0, bars.only_present(following - bars.last), 0.0)
    _write_changes(terms, bars.only_present(bars.last - before), move)
    terms[:, Term.WEIGHTED] = bars.only_present(bars.last * powers[after])


@functools.cache
def ema_weights(alpha: float, window: int) -> tuple[FloatArray, FloatArray]:
    """The weight of a bar that 0 … window bars follow, and the sum of the weights of 0 … window bars."""
    powers: FloatArray = (1 - alpha) ** np.arange(window + 1, dtype=np.float64)
    return powers, np.concatenate([np.zeros(1), np.cumsum(powers[:-1])])


def _write_counts(terms: FloatArray, bars: Part) -> None:
    terms[:, Term.BARS] = bars.present
    terms[:, Term.SUM] = bars.total
    terms[:, Term.COUNT] = bars.count
    terms[:, Term.FILLED] = bars.filled


def _write_changes(terms: FloatArray, x: FloatArray, move: FloatArray) -> None:
    terms[:, Term.X] = x
    np.multiply(x, x, out=terms[:, Term.X_SQUARED])
    np.maximum(move, 0.0, out=terms[:, Term.UP])
    np.minimum(move, 0.0, out=terms[:, Term.DOWN])
