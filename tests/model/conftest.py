"""One small trained version that all tests of the room share: training is what costs time here."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.memory import MemoryArtifacts, MemoryWarehouse
from tests.model.market import metrics_table

from fsictl.clock import ManualClock
from fsictl.model.making import TrainingOptions
from fsictl.model.train import TrainingReport, train_version
from fsictl.model.versions import Scorer, load_scorer
from fsictl.model.windows import WindowRules

RULES = WindowRules(rsi_window=60)
OPTIONS = TrainingOptions(steps=30, seed=3, least_windows=100)


@dataclass(frozen=True)
class Trained:
    """What a training left behind."""

    warehouse: MemoryWarehouse
    artifacts: MemoryArtifacts
    report: TrainingReport
    scorer: Scorer
    steps: list[tuple[int, int]]


@pytest.fixture(scope="session")
def trained() -> Trained:
    warehouse, artifacts, steps = MemoryWarehouse(metrics=metrics_table(rows=4000)), MemoryArtifacts(), []
    report = train_version(
        warehouse,
        artifacts,
        clock=ManualClock(1_700_000_000_000),
        rules=RULES,
        options=OPTIONS,
        requested_by="job-7",
        progress=lambda step, total, loss: steps.append((step, total)),
    )
    return Trained(warehouse, artifacts, report, load_scorer(artifacts, report.version), steps)
