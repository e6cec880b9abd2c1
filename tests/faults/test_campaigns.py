"""One run of the campaigns that a test can afford; ``just faults`` does many of all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from faults.campaigns import run_once
from faults.workspace import Reference, reference

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference(tmp_path_factory.mktemp("calm"), minutes=8, seed=2, symbols="EURUSD,GBPUSD")


@pytest.mark.parametrize("name", ["kill-several", "kill-publisher", "refusing-disk", "clock-steps", "two-operators"])
def test_a_fault_loses_and_doubles_nothing(calm: Reference, tmp_path: Path, name: str) -> None:
    run = run_once(name, calm, tmp_path / "run", random.Random(name))  # noqa: S311
    assert run.wrong == ""
    assert run.faults > 0
