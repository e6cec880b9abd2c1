#!/usr/bin/env python
"""Make the version that is shipped inside the package, from simulated prices alone. Run it before a release.

``python scripts/make_bootstrap.py`` takes some minutes of one processor. Everything follows from the seed: on one
machine with the same libraries it gives the same version again, with the same name; with ``--check`` it only says
whether it would. The tests of every change only look whether the shipped version is whole, and whether the simulator
still makes the prices that it was trained on.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))  # the program of this tree, whatever is installed

import numpy as np  # noqa: E402

from fsictl.backends.local.artifacts import LocalArtifacts  # noqa: E402
from fsictl.backends.local.warehouse import LocalWarehouse  # noqa: E402
from fsictl.clock import Clock, SystemClock  # noqa: E402
from fsictl.metrics.parameters import MetricsParameters  # noqa: E402
from fsictl.model.bootstrap import FOLDER, ORIGIN, shipped_card  # noqa: E402
from fsictl.model.making import TrainingOptions  # noqa: E402
from fsictl.model.scorecard import LabelledMetrics  # noqa: E402
from fsictl.model.train import TrainingReport, train_version  # noqa: E402
from fsictl.model.windows import WindowRules  # noqa: E402
from fsictl.prices.pairs import PAIRS  # noqa: E402
from fsictl.prices.simulate import simulate  # noqa: E402
from fsictl.records.arrow import ticks_to_table  # noqa: E402
from fsictl.records.ticks import Ticks  # noqa: E402
from fsictl.settings.schema import Settings  # noqa: E402
from fsictl.streams.evaluation import metrics_table, stored  # noqa: E402

SEED = 2_026
"""Of the prices; none that `generate`, the demo or an evaluation uses unless it is asked for."""

HOURS = 24
START_MS = 1_767_225_600_000  # 2026-01-01
FINGERPRINT_MINUTES = 10


def ticks_of(pair: str, seconds: float) -> Ticks:
    """The simulated prices of one pair; other pairs beside it would change nothing."""
    hz = Settings().prices.hz
    return Ticks.concat(list(simulate([pair], hz=hz, seed=SEED, start_ms=START_MS, duration=seconds)))


def fingerprint() -> str:
    """A hash of the first minutes of all pairs: another one means that the simulator makes other prices now."""
    digest = hashlib.sha256()
    for pair in sorted(PAIRS):
        ticks = ticks_of(pair, FINGERPRINT_MINUTES * 60.0)
        digest.update(pair.encode())
        digest.update(ticks.timestamp.astype("<i8").tobytes())
        digest.update(np.round(ticks.value, 6).astype("<f8").tobytes())
    return digest.hexdigest()


def origin() -> dict[str, Any]:
    """What the card says about where its prices come from."""
    return {
        "prices": "simulated",
        "made_by": "scripts/make_bootstrap.py",
        "seed": SEED,
        "hz": Settings().prices.hz,
        "hours": HOURS,
        "first_minutes": FINGERPRINT_MINUTES,
        "first_minutes_sha256": fingerprint(),
    }


def make(folder: Path, clock: Clock) -> TrainingReport:
    """Train in a workspace of its own, by the default settings."""
    warehouse, artifacts = LocalWarehouse(folder, clock), LocalArtifacts(folder)
    model, end_ms = Settings().model, START_MS + HOURS * 3_600_000
    for pair in sorted(PAIRS):
        ticks = ticks_of(pair, HOURS * 3600.0)
        warehouse.write("metrics", metrics_table(ticks, MetricsParameters()))
        held_out = ticks.take(ticks.timestamp >= end_ms - HOURS * 900_000)  # a quarter: the gate asks for a fifth
        warehouse.write("prices", ticks_to_table(held_out))
        print(f"{pair}: {len(ticks):,} ticks", file=sys.stderr)

    def labelled(start: int, end: int) -> LabelledMetrics | None:
        return stored(warehouse, None, MetricsParameters(), start=start, end=end, seed=1)

    return train_version(
        warehouse,
        artifacts,
        clock=clock,
        hours=HOURS,
        until=end_ms,
        rules=WindowRules(),
        options=TrainingOptions(
            steps=model.steps,
            seed=model.seed,
            label_rate=model.label_rate,
            alert_rate=model.alert_rate,
            detector=model.detector,
            origin={ORIGIN: origin()},
        ),
        requested_by="release",
        labelled=labelled,
    )


def main(arguments: list[str] | None = None) -> int:
    """Make the version and put it into the package."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, say whether it would be the same")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fsictl-") as directory:
        report = make(Path(directory), SystemClock())
        gate = report.card.gate
        print(f"{report.version}: {gate}", file=sys.stderr)
        if not gate["passed"]:
            sys.exit(f"its gate refused it: {gate['reason']}")
        if given.check:
            same = report.version == shipped_card().version
            print(f"{report.version} is {'the shipped version' if same else 'not the shipped version'}")
            return 0 if same else 1
        made = Path(directory) / "models" / "versions" / report.version
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        for file in sorted(made.iterdir()):
            shutil.copyfile(file, FOLDER / file.name)
    print(f"wrote {report.version}, {sum(file.stat().st_size for file in FOLDER.iterdir()):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
