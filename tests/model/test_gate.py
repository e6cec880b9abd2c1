from __future__ import annotations

import numpy as np
import pytest

from fsictl.model.gate import judge

SCORES = np.linspace(0, 1, 1000, dtype=np.float32)


@pytest.mark.parametrize(
    ("threshold", "champion", "passed"),
    [
        (0.9, None, True),
        (0.75, None, True),
        (0.75, 0.25, True),
        (0.75, 0.12, False),
        (0.88, 0.10, True),
        (0.5, None, False),
        (0.98, None, False),
        (2.0, None, False),
    ],
)
def test_the_label_rate_decides(threshold, champion, passed):
    result = judge(SCORES, threshold, target_rate=0.1, champion="c", champion_label_rate=champion)
    assert result.passed is passed
    assert bool(result.reason) is not passed
    assert result.windows == 1000


def test_scores_must_be_numbers():
    scores = SCORES.copy()
    scores[3] = np.nan
    result = judge(scores, 0.9, target_rate=0.1)
    assert (result.passed, result.reason) == (False, "some held-out windows have no finite score")
