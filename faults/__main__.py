"""``python -m faults``: every kind of fault, again and again, and what was lost by it.

``--only NAME`` runs one campaign (``instants-kill``, ``instants-full-disk``, ``instants-power-cut``, or one of
``faults.campaigns``), ``--share 0.1`` a tenth of everything, ``--seed`` another choice of instants.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from faults import instants
from faults.campaigns import CAMPAIGNS, NEED_ROOT, run_once
from faults.workspace import reference

INSTANTS: dict[str, Callable[..., tuple[instants.Outcome, int]]] = {
    "instants-kill": instants.kills,
    "instants-full-disk": instants.full_disks,
    "instants-power-cut": instants.power_cuts,
    "publish-power-cut": partial(instants.publisher_power_cuts, full=False),
    "publish-power-cut-full": partial(instants.publisher_power_cuts, full=True),
}


def main() -> int:
    """Run what was asked for, print a table, and return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description="Faults on purpose, and what is lost by them.")
    parser.add_argument("--only", action="append", choices=[*INSTANTS, *CAMPAIGNS], help="just this; may be repeated")
    parser.add_argument("--share", type=float, default=1.0, help="share of the runs, 0 to 1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=int, default=20, help="event time of the prices of a run")
    asked = parser.parse_args()
    names = asked.only or [*INSTANTS, *CAMPAIGNS]
    print(f"{'campaign':22} {'runs':>5} {'faults':>7} {'losses':>7} {'seconds':>8}")
    lost = 0
    with tempfile.TemporaryDirectory(prefix="fsictl-faults-") as folder:
        for name in (name for name in names if name in INSTANTS):
            began = time.monotonic()
            step = max(1, round(1 / asked.share))
            (Path(folder) / name).mkdir()
            outcome, count = INSTANTS[name](Path(folder) / name, asked.seed, 1 + asked.seed % step, step)
            lost += _line(name, outcome.runs, outcome.faults, outcome.wrong, began)
            taken = f"; {outcome.lost} messages were taken back" if name.startswith("publish") else ""
            print(f"{'':22} of {count} operations of the disk{taken}")
        processes = [name for name in names if name in CAMPAIGNS]
        if processes:
            made = Path(folder) / "reference"
            made.mkdir()
            calm = reference(made, minutes=asked.minutes, seed=asked.seed)
        for name in processes:
            if name in NEED_ROOT and os.geteuid() != 0:
                print(f"{name:22} needs root, to mount a disk of its own")
                continue
            began, runs, faults = time.monotonic(), max(1, round(CAMPAIGNS[name][1] * asked.share)), 0
            wrong: list[str] = []
            for number in range(runs):
                chance = random.Random(f"{asked.seed} {name} {number}")  # noqa: S311
                run = run_once(name, calm, Path(folder) / f"{name}-{number}", chance)
                faults += run.faults
                wrong += [f"run {number}: {run.wrong}"] if run.wrong else []
            lost += _line(name, runs, faults, wrong, began)
    return 1 if lost else 0


def _line(name: str, runs: int, faults: int, wrong: list[str], began: float) -> int:
    print(f"{name:22} {runs:5} {faults:7} {len(wrong):7} {time.monotonic() - began:8.0f}", flush=True)
    for one in wrong:
        print(f"  {one}", flush=True)
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
