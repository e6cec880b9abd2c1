"""Measure the engine and its peers: ``python -m benchmarks.metrics_engine``, from the root of the repository.

Prints Markdown: a table per workload with medians over the rounds and the ratios to this engine, and the targets.
Peers that are not installed are left out and named; ``pip install -r benchmarks/requirements.txt`` brings them.
Exit code 1 when the engine's rows, or those of plain Python, are not right.
"""

from __future__ import annotations

import os

for variable in (
    "POLARS_MAX_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
):
    os.environ[variable] = "1"  # before anything that reads it is imported

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from importlib import import_module  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from benchmarks.metrics_engine import table  # noqa: E402
from benchmarks.metrics_engine.catch_up import hold_catch_up  # noqa: E402
from benchmarks.metrics_engine.contest import Participant, Score, hold  # noqa: E402
from benchmarks.metrics_engine.peers.elsewhere import Elsewhere  # noqa: E402
from benchmarks.metrics_engine.peers.ours import Ours  # noqa: E402
from benchmarks.metrics_engine.peers.ours_of_closes import OursOfCloses  # noqa: E402
from benchmarks.metrics_engine.peers.per_tick import PerTick  # noqa: E402
from benchmarks.metrics_engine.workload import Workload, make_workload  # noqa: E402

PEERS = {
    "talipp": "talipp",
    "TA-Lib": "ta_lib",
    "ferro-ta": "ferro_ta",
    "polars": "polars_pass",
    "bytewax": "bytewax_bars",
}
"""Modules of ``benchmarks.metrics_engine.peers`` by what must be installed; each has ``participants``."""


def participants(chosen: list[str], missing: set[str], pythons: list[Path]) -> list[Participant]:
    """Ours, plain Python, and the chosen peers that are installed; the others are added to ``missing``."""
    found: list[Participant] = [Ours(), OursOfCloses(), PerTick()]
    for peer in chosen:
        try:
            made = import_module(f"benchmarks.metrics_engine.peers.{PEERS[peer]}")
        except ImportError:
            missing.add(peer)
        else:
            found += made.participants()
    return found + [Elsewhere("ta_lib", python) for python in pythons]


def main() -> int:
    options = _options()
    quick = options.quick
    rounds = 1 if quick else options.rounds
    workloads = [
        make_workload(
            "1,000 symbols", symbols=50 if quick else 1000, hz=10, seconds=10 if quick else 60, rounds=rounds
        ),
        make_workload("17 symbols live", symbols=17, hz=10, seconds=10 if quick else 300, rounds=rounds, batch_ms=100),
    ]
    missing: set[str] = set()
    contests = [
        (workload, hold(workload, participants(options.peers, missing, options.ta_lib_python)))
        for workload in workloads
    ]
    whole = [peer for peer in participants(options.peers, missing, []) if peer.name.startswith("polars")]
    contests.append(hold_catch_up(0.2 if quick else options.hours, rounds, whole))
    if options.json:
        print(json.dumps(_document(contests, missing), indent=2))
    else:
        _print(contests, missing)
    wrong = [s for _, scores in contests for s in scores if s.participant.must_be_right and not s.verdict.right]
    for score in wrong:
        print(f"{score.participant.name} does not count: {score.verdict}", file=sys.stderr)
    return 1 if wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics_engine", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds that show correctness, not speed")
    parser.add_argument("--json", action="store_true", help="every figure, for machines")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each workload, 5 without it")
    parser.add_argument("--hours", type=float, default=24, help="length of the catch-up, 24 without it")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="only these")
    parser.add_argument(
        "--ta-lib-python",
        type=Path,
        nargs="*",
        default=[],
        help="Pythons that have another TA-Lib, each measured in a process of its own",
    )
    return parser.parse_args()


def _document(contests: list[tuple[Workload, list[Score]]], missing: set[str]) -> dict[str, Any]:
    return {
        "surroundings": table.surroundings(),
        "missing": sorted(missing),
        "workloads": [table.as_document(workload, scores) for workload, scores in contests],
        "targets": table.targets(contests[0][1]),
    }


def _print(contests: list[tuple[Workload, list[Score]]], missing: set[str]) -> None:
    print(f"{table.surroundings()}; one thread, CPU time, medians of {contests[0][0].rounds} interleaved rounds.")
    for workload, scores in contests:
        first = scores[0].measured[0]
        print(f"\n**{workload.name}**: {first.ticks:,} ticks and {first.rows:,} metric rows a round\n")
        print(table.scores_table(workload, scores))
    print(f"\n{table.targets_table(contests[0][1])}\n\n{table.notes(contests[0][1])}")
    if missing:
        print(f"- Not installed, so not measured: {', '.join(sorted(missing))}.")


if __name__ == "__main__":
    sys.exit(main())
