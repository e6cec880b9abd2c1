"""A bounded part of what ``just faults`` does: every n-th instant of those in which a fault may come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fsictl

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

RUN = """
import sys
from pathlib import Path
from faults import instants
*full, kind = sys.argv[1].split()
options = {"full": bool(full)} if kind.startswith("publisher") else {}
outcome, operations = getattr(instants, kind)(Path(sys.argv[2]), 1, int(sys.argv[3]), int(sys.argv[4]), **options)
print("of", operations, outcome)
assert operations > 100 and outcome.runs > 8 and not outcome.wrong, outcome
"""


@pytest.mark.parametrize(
    ("kind", "first", "step"),
    [
        ("kills", 1, 29),
        ("full_disks", 5, 67),
        ("power_cuts", 9, 41),
        ("publisher_power_cuts", 3, 17),
        ("full publisher_power_cuts", 5, 17),
    ],
    ids=str,
)
def test_no_fault_at_any_operation_of_the_disk_loses_or_doubles_a_row(
    tmp_path: Path, kind: str, first: int, step: int
) -> None:
    """In a process of its own, which nothing has made threads in: it forks."""
    path = os.pathsep.join([str(Path(fsictl.__file__).parents[1]), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", RUN, kind, str(tmp_path), str(first), str(step)],
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
