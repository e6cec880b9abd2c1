"""Local streams against Beam on its own runners, and proof that a difference is found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fsictl.metrics.parameters import MetricsParameters
from fsictl.parity import local
from fsictl.parity.compare import Outcome
from fsictl.parity.run import COMPARISONS, verify_parity
from fsictl.parity.scenarios import Scenario, scenarios_of, simulated_prices
from fsictl.parity.verify import verify_metrics, without_late

PARAMETERS = MetricsParameters(window=10, max_gap=6)
TICKS = simulated_prices(seed=2, start_ms=1_600_000_000_000, duration=45)
STREAM = partial(local.stream_metrics, parameters=PARAMETERS, allowed_lateness=2.0)


@pytest.mark.slow
def test_beam_and_the_local_engine_agree() -> None:
    found = list(verify_parity(TICKS, parameters=PARAMETERS, allowed_lateness=2.0, seed=2, shards=2))
    assert [each.difference for each in found] == [None] * COMPARISONS
    assert all(each.rows > 10 for each in found if each.scenario != "verdicts")
    assert next(each.late for each in found if each.scenario == "late ticks" and each.late is not None) > 5


PRISM = shutil.which("prism") or shutil.which(Path(__file__).parents[2] / ".environments" / "prism" / "prism")


@pytest.mark.slow
@pytest.mark.skipif(
    PRISM is None, reason="Prism is not here: python scripts/environments.py prism, which needs Go 1.26"
)
def test_the_portable_runner_agrees_too() -> None:
    prism = Path(PRISM or "")
    found = verify_parity(TICKS, parameters=PARAMETERS, allowed_lateness=2.0, seed=3, shards=3, prism=prism)
    assert [each.difference for each in found] == [None] * COMPARISONS


def _altered(scenario: Scenario) -> Outcome:
    """An engine whose averages are off by one bit in one row, and which is silent about one late tick."""
    outcome = STREAM(scenario)
    index = outcome.rows.schema.get_field_index("SIMPLE_MOVING_AVERAGE")
    values = outcome.rows.column(index).to_pylist()
    values[20] *= 1 + 2**-52
    rows = outcome.rows.set_column(index, outcome.rows.schema.field(index), pa.array(values))
    return Outcome(rows, outcome.letters[1:])


def _silent(scenario: Scenario) -> Outcome:
    outcome = STREAM(scenario)
    return replace(outcome, letters=outcome.letters[1:])


def test_an_engine_that_is_off_by_a_bit_is_found_out() -> None:
    scenarios = scenarios_of(TICKS, seed=2, allowed_lateness=2.0)
    (found,) = verify_metrics(scenarios[:1], local=STREAM, streams={"altered": _altered}, bounded={})
    assert found.difference is not None
    assert not found.equal
    row = STREAM(scenarios[0]).rows.slice(20, 1).to_pylist()[0]
    assert (found.difference.symbol, found.difference.timestamp) == (row["symbol"], row["timestamp"])
    assert found.difference.column == "SIMPLE_MOVING_AVERAGE"
    assert found.as_dict()["difference"]["expected"].startswith(row["SIMPLE_MOVING_AVERAGE"].hex())


def test_an_engine_that_is_silent_about_a_late_tick_is_found_out() -> None:
    late = scenarios_of(TICKS, seed=2, allowed_lateness=2.0)[-1:]
    (found,) = verify_metrics(late, local=STREAM, streams={"silent": _silent}, bounded={})
    assert found.difference is not None
    assert (found.difference.expected, found.difference.found) == ("1 times", "0 times")


def test_the_bounded_engine_gets_the_ticks_that_are_not_late() -> None:
    (late,) = scenarios_of(TICKS, seed=2, allowed_lateness=2.0)[-1:]
    outcome = STREAM(late)
    timely = without_late(late, outcome)
    assert timely.ticks == late.ticks - len(outcome.letters)
    backfill = partial(local.backfill_metrics, parameters=PARAMETERS)
    (found,) = verify_metrics([late], local=STREAM, streams={}, bounded={"backfill": backfill})
    assert (found.equal, found.late, found.records) == (True, None, timely.ticks)
    everything = backfill(late)
    assert pc.sum(everything.rows.column("DATA_POINT_COUNT")) != pc.sum(outcome.rows.column("DATA_POINT_COUNT"))
