"""Scenario by scenario: does every engine make the rows of the local stream, bit for bit?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fsictl.parity.compare import Difference, Outcome, first_difference
from fsictl.parity.scenarios import Scenario
from fsictl.records.schemas import METRICS, PRICES_TOPIC, Schema
from fsictl.records.ticks import Ticks

Engine = Callable[[Scenario], Outcome]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One engine against the local stream: ``records`` went in, ``rows`` came out of the local stream.

    ``late`` is the number of late ticks, which both must report; ``None`` for a bounded engine, to which only
    the ticks that were not late are given: it must make the same rows of them.
    """

    scenario: str
    engine: str
    records: int
    rows: int
    late: int | None
    difference: Difference | None

    @property
    def equal(self) -> bool:
        """Whether every bit is the same."""
        return self.difference is None

    def as_dict(self) -> dict[str, Any]:
        """For tables and JSON."""
        return {
            "scenario": self.scenario,
            "engine": self.engine,
            "records": self.records,
            "rows": self.rows,
            "late": self.late,
            "equal": self.equal,
            "difference": self.difference.as_dict() if self.difference else None,
        }


def verify_metrics(
    scenarios: Sequence[Scenario], *, local: Engine, streams: Mapping[str, Engine], bounded: Mapping[str, Engine]
) -> Iterator[Comparison]:
    """Compare every engine with the ``local`` stream in every scenario, one after the other."""
    for scenario in scenarios:
        expected = local(scenario)
        late = len(expected.letters)
        for name, engine in streams.items():
            yield compare(METRICS, scenario.name, name, scenario.ticks, expected, engine(scenario), late=late)
        timely = without_late(scenario, expected)
        rows_alone = replace(expected, letters=())
        for name, engine in bounded.items():
            yield compare(METRICS, scenario.name, name, timely.ticks, rows_alone, engine(timely))


def compare(
    schema: Schema,
    scenario: str,
    engine: str,
    records: int,
    expected: Outcome,
    found: Outcome,
    *,
    late: int | None = None,
) -> Comparison:
    """One comparison of rows of ``schema``."""
    difference = first_difference(schema, expected, found)
    return Comparison(scenario, engine, records, expected.rows.num_rows, late, difference)


def without_late(scenario: Scenario, outcome: Outcome) -> Scenario:
    """The scenario without the ticks that the outcome's dead letters tell of."""
    late = {origin for origin, _ in outcome.letters}
    if not late:
        return scenario
    deliveries = [tuple(_timely(ticks, late) for ticks in delivery) for delivery in scenario.deliveries]
    kept = [tuple(ticks for ticks in delivery if len(ticks)) for delivery in deliveries]
    return replace(scenario, deliveries=[delivery for delivery in kept if delivery])


def _timely(ticks: Ticks, late: set[str]) -> Ticks:
    origins = [
        f"{PRICES_TOPIC}/{ticks.symbol_of(index)}/{ticks.timestamp[index]}/{ticks.sequence[index]}"
        for index in range(len(ticks))
    ]
    return ticks.take(np.array([origin not in late for origin in origins], np.bool_))
