"""Regimes: lengths, and as much rising as falling."""

from __future__ import annotations

import numpy as np

from fsictl.prices.regimes import RegimeLaw, Regimes


def test_lengths_and_balance() -> None:
    law = RegimeLaw(normal=(100.0, 200.0), trend=(300.0, 400.0), calm=0.5, drift=2.0)
    regimes = Regimes(np.random.default_rng(1), law)
    seconds = np.arange(200_000.0)
    parts = [regimes.at(part) for part in np.split(seconds, 400)]
    volatility, drift = (np.concatenate(column) for column in zip(*parts, strict=True))
    edges = np.flatnonzero(np.diff(drift)) + 1
    lengths, kinds = np.diff(edges), drift[edges[:-1]]
    assert set(np.unique(drift)) == {-1.0, 0.0, 1.0}
    assert ((volatility == 1.0) == (drift == 0.0)).all()
    assert ((lengths[kinds == 0] >= 99) & (lengths[kinds == 0] <= 201)).all()
    assert ((lengths[kinds != 0] >= 299) & (lengths[kinds != 0] <= 401)).all()
    assert abs(int((kinds > 0).sum()) - int((kinds < 0).sum())) <= 2


def test_no_times_no_regimes() -> None:
    volatility, drift = Regimes(np.random.default_rng(1)).at(np.empty(0))
    assert len(volatility) == len(drift) == 0
