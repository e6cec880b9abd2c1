from __future__ import annotations

import numpy as np
from tests.dashboard.made_up import VERSION, verdict_rows

from fsictl.dashboard.achieved import Achieved


def test_shares_are_those_of_scored_verdicts_of_the_last_hour() -> None:
    achieved = Achieved(3600)
    assert achieved.of(VERSION) is None
    flags = np.arange(100) % 10 == 0
    achieved.add(verdict_rows("A", range(6000, 6100), unreliable=flags, alert=flags & (np.arange(100) < 50)))
    achieved.add(verdict_rows("B", range(6000, 6100)))
    achieved.add(verdict_rows("B", range(6000, 6100), reconstruction_error=[None] * 100))
    assert achieved.of(VERSION) == {"windows": 200, "label_rate": 0.05, "alert_rate": 0.025}
    assert achieved.of("another") is None
    achieved.add(verdict_rows("A", range(9720, 9780)))
    assert achieved.of(VERSION) == {"windows": 60, "label_rate": 0.0, "alert_rate": 0.0}
