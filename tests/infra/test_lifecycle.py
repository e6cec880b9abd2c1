"""The whole configuration with the real Terraform: plan, apply, nothing to change, park, down."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.infra.offline import EVERYTHING, Offline

Make = Callable[[str], Offline]

pytestmark = pytest.mark.slow


def test_everything_goes_up_is_parked_and_comes_down(working_directory: Make) -> None:
    terraform = working_directory("lifecycle")

    planned = terraform.plan(**EVERYTHING)
    assert planned.code == 2, planned.problems
    applied = terraform.apply(**EVERYTHING)
    assert applied.code == 0, applied.problems
    assert applied.changes == planned.changes
    assert len(list(terraform.cloud.iterdir())) == applied.changes["add"]
    assert terraform.plan(**EVERYTHING).code == 0
