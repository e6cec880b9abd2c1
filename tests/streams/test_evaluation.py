from __future__ import annotations

import numpy as np
from tests.memory import MemoryWarehouse

from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.features import FEATURES
from fsictl.model.scorecard import Labelled
from fsictl.model.windows import WindowRules
from fsictl.prices.simulate import simulate
from fsictl.records.arrow import ticks_to_table
from fsictl.records.ticks import Ticks
from fsictl.streams import evaluation
from fsictl.streams.evaluation import metrics_of, simulated, stored, stored_ticks

PARAMETERS = MetricsParameters()


def test_simulated_prices_are_a_function_of_the_seed_and_none_that_is_trained_on(monkeypatch):
    monkeypatch.setattr(evaluation, "MOST_PASSES", 2)
    first, again = (simulated(["EURUSD"], PARAMETERS, hours=1.5, hz=5.0, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.clean.close, again.clean.close)
    assert first.injected[0][1] == again.injected[0][1]
    trained_on = metrics_of(Ticks.concat(list(simulate(["EURUSD"], hz=5.0, seed=3, duration=5400))), PARAMETERS)
    assert not np.array_equal(first.clean.close[:5000], trained_on.close[:5000])
    assert len(first.injected) == 2
    assert not np.array_equal(first.injected[0][0].close, first.clean.close)
    assert len(Labelled(first, WindowRules(), FEATURES)) > 0


def test_symbols_that_cannot_be_simulated_are_replaced():
    assert "EURUSD" in simulated(["ACME"], PARAMETERS, hours=0.5, hz=1.0, seed=1).prices


def test_stored_prices_are_those_of_the_time_asked_for(monkeypatch):
    monkeypatch.setattr(evaluation, "MOST_PASSES", 1)
    ticks = Ticks.concat(list(simulate(["EURUSD", "USDJPY"], hz=2.0, seed=3, duration=3600)))
    warehouse = MemoryWarehouse(prices=ticks_to_table(ticks))
    found = stored_ticks(warehouse, ["USDJPY"], start=60_000, end=120_000)
    expected = ticks.take((ticks.timestamp >= 60_000) & (ticks.timestamp < 120_000))
    expected = expected.take(np.array(expected.symbols)[expected.code] == "USDJPY")
    np.testing.assert_array_equal(found.value, expected.value)
    made = stored(warehouse, None, PARAMETERS, start=1_800_000, end=3_600_000, seed=1)
    assert made is not None
    assert made.since == 1_800_000
    assert made.clean.symbols == ("EURUSD", "USDJPY")
    assert all(label.start_ms >= 1_800_000 for _, labels in made.injected for label in labels)
    assert stored(MemoryWarehouse(), None, PARAMETERS, start=0, end=1, seed=1) is None
