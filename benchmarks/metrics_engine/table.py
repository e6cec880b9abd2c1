"""Scores as Markdown, and which targets they reach."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from benchmarks.metrics_engine.contest import Score
from benchmarks.metrics_engine.workload import Workload


@dataclass(frozen=True, slots=True)
class Target:
    """At least so many times faster than a peer whose name begins so, per tick or per metric row."""

    peer: str
    per: str
    ratio: float


TARGETS = (
    Target("plain Python", "tick", 10),
    Target("ferro-ta", "row", 4),
    Target("TA-Lib", "row", 25),
    Target("polars", "tick", 3),
    Target("bytewax", "tick", 100),
)
"""For the workload of 1,000 symbols; per tick of the whole engine, per row of the engine given ready closes."""


def surroundings() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pyarrow"))
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {packages}"


def scores_table(workload: Workload, scores: Sequence[Score]) -> str:
    """One row per participant; ratios are its time by ours."""
    ours = scores[0]
    lines = [
        "| | ticks/s | µs per tick | × | µs per metric row | × | computes | rows |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    for score in scores:
        tick, row = score.us_per_tick, score.us_per_row
        lines.append(
            f"| {score.participant.name} | {_number(1e6 / tick if tick else None)} | {_number(tick)} "
            f"| {_number(ratio(score, ours, 'tick'))} | {_number(row)} | {_number(ratio(score, ours, 'row'))} "
            f"| {score.participant.scope} | {score.verdict} |"
        )
    return "\n".join(lines)


def notes(scores: Sequence[Score]) -> str:
    return "\n".join(f"- {s.participant.name}: {s.participant.note}" for s in scores if s.participant.note)


def targets_table(scores: Sequence[Score]) -> str:
    lines = ["| target, 1,000 symbols | measured | |", "| --- | ---: | --- |"]
    lines += [
        f"| ≥ {found['target']:g} × {found['peer']}; per {found['per']} | {_number(found['measured'])} "
        f"| {'reached' if found['reached'] else 'not reached'} |"
        for found in targets(scores)
    ]
    return "\n".join(lines)


def targets(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Every target whose peer was there."""
    found = []
    for target in TARGETS:
        for score in scores[2:]:
            if score.participant.name.startswith(target.peer):
                measured = ratio(score, scores[0 if target.per == "tick" else 1], target.per)
                assert measured is not None
                found.append(
                    {
                        "peer": score.participant.name,
                        "per": target.per,
                        "target": target.ratio,
                        "measured": measured,
                        "reached": measured >= target.ratio,
                    }
                )
    return found


def ratio(score: Score, ours: Score, per: str) -> float | None:
    """How many times longer it takes than ours per tick or per row."""
    theirs, mine = (one.us_per_tick if per == "tick" else one.us_per_row for one in (score, ours))
    return theirs / mine if theirs and mine else None


def as_document(workload: Workload, scores: Sequence[Score]) -> dict[str, Any]:
    return {
        "workload": workload.name,
        "symbols": len(workload.symbols),
        "participants": [
            {
                "name": score.participant.name,
                "computes": score.participant.scope,
                "note": score.participant.note,
                "cpu_seconds": score.seconds,
                "ticks": [one.ticks for one in score.measured],
                "rows": [one.rows for one in score.measured],
                "us_per_tick": score.us_per_tick,
                "us_per_row": score.us_per_row,
                "ratio_per_tick": ratio(score, scores[0], "tick"),
                "ratio_per_row": ratio(score, scores[0], "row"),
                "error_by_tolerance": score.verdict.error,
                "worst_column": score.verdict.column,
            }
            for score in scores
        ],
    }


def _number(value: float | None) -> str:
    """Three digits that count.

    >>> _number(1234567.8), _number(0.04567), _number(12.34), _number(None)
    ('1,230,000', '0.0457', '12.3', '')
    """
    if value is None:
        return ""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:.3g}"
