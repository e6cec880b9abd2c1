from __future__ import annotations

import numpy as np
import pytest

from fsictl.parity.scenarios import SILENT, Scenario, rows_by_time, scenarios_of, simulated_prices
from fsictl.records.ticks import Ticks

TICKS = simulated_prices(seed=3, start_ms=1_000_000, duration=90)
SCENARIOS = {scenario.name: scenario for scenario in scenarios_of(TICKS, seed=3, allowed_lateness=2.0)}


def _all(scenario: Scenario) -> Ticks:
    return Ticks.concat([message for delivery in scenario.deliveries for message in delivery])


def _rows(ticks: Ticks) -> list[tuple[str, int, int, float]]:
    return [
        (ticks.symbol_of(index), int(ticks.timestamp[index]), int(ticks.sequence[index]), float(ticks.value[index]))
        for index in range(len(ticks))
    ]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_the_same_ticks_and_keeps_equal_timestamps_in_order(name: str) -> None:
    rows = _rows(_all(SCENARIOS[name]))
    assert sorted(rows) == sorted(_rows(_all(SCENARIOS["in order"])))
    assert len(rows) == SCENARIOS[name].ticks == len(TICKS)
    last: dict[tuple[str, int], int] = {}
    for symbol, timestamp, sequence, _ in rows:
        assert sequence == last.get((symbol, timestamp), -1) + 1
        last[symbol, timestamp] = sequence


def _most_behind(scenario: Scenario) -> int:
    times = _all(scenario).timestamp
    return int((np.maximum.accumulate(times) - times).max())


def test_only_the_late_scenario_is_later_than_allowed() -> None:
    assert _most_behind(SCENARIOS["in order"]) == _most_behind(SCENARIOS["other batches"]) == 0
    assert 0 < _most_behind(SCENARIOS["shuffled"]) < 2_000
    assert _most_behind(SCENARIOS["late ticks"]) > 4_000


def test_batches_differ_in_size() -> None:
    sizes = {len(message) for delivery in SCENARIOS["other batches"].deliveries for message in delivery}
    assert {1, 3, 1 + len(TICKS) // 60, 1 + len(TICKS) // 20} <= sizes


def test_one_pair_is_silent_for_longer_than_gaps_are_filled() -> None:
    of_pair = TICKS.timestamp[TICKS.code == TICKS.symbols.index(SILENT)]
    assert np.diff(of_pair).max() > 29_000


def test_rows_are_cut_by_time_without_loss() -> None:
    from tests.model.market import metrics_table

    rows = metrics_table("A", rows=45)
    deliveries = rows_by_time(rows, step_ms=10_000, parts=3)
    assert [len(delivery) for delivery in deliveries] == [3] * 5
    times = [time for delivery in deliveries for part in delivery for time in part.column("timestamp").to_pylist()]
    assert times == rows.column("timestamp").to_pylist()
