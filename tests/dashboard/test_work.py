from __future__ import annotations

import numpy as np
from tests.dashboard.made_up import metrics_rows
from tests.memory import MemoryMessenger

from fsictl.clock import ManualClock
from fsictl.dashboard.work import Work
from fsictl.ports.messenger import PipelineProgress

NOW = 1_000_000


def metrics(ticks: int, committed_ms: int | None, waiting: int, late: int = 0) -> PipelineProgress:
    return PipelineProgress("metrics", {"ticks": ticks, "late": late}, committed_ms, {"prices": waiting})


class Changing(MemoryMessenger):
    """A messenger whose pipeline is set anew."""

    now = metrics(0, NOW, 0)

    def progress(self, pipeline: str) -> PipelineProgress | None:
        return self.now if pipeline == "metrics" else None


def test_ticks_a_second_are_those_of_the_last_ten_seconds() -> None:
    clock, messenger = ManualClock(NOW), Changing()
    work = Work(messenger, clock)
    assert work.look()["ticks_per_second"] is None
    for second in range(1, 21):
        clock.sleep(1)
        messenger.now = metrics(100 * second if second <= 10 else 1000, NOW, 0)
        told = work.look()
        if second == 10:
            assert told["ticks_per_second"] == 100.0
    assert told["ticks_per_second"] == 0.0
    messenger.now = metrics(5, NOW, 0)  # an emptied workspace
    assert work.look()["ticks_per_second"] is None


def test_a_pipeline_is_stuck_when_messages_wait_and_it_commits_nothing() -> None:
    clock, messenger = ManualClock(NOW), Changing()
    messenger.now = metrics(9, NOW, 3, late=2)
    work = Work(messenger, clock)
    told = work.look()
    assert told["pipelines"] == [{"name": "metrics", "committed": NOW / 1000, "waiting": 3, "stuck": False}]
    assert (told["late"], told["dead_letters"]) == (2, 0)
    clock.sleep(16)
    assert work.look()["pipelines"][0]["stuck"]
    messenger.now = metrics(9, NOW, 0)
    assert not work.look()["pipelines"][0]["stuck"]
    messenger.now = metrics(9, None, 1)
    assert work.look()["pipelines"][0]["stuck"]


def test_without_a_messenger_ticks_are_counted_from_rows() -> None:
    clock = ManualClock(NOW)
    work = Work(None, clock)
    assert work.look() == {"ticks_per_second": None, "late": None, "dead_letters": None, "pipelines": []}
    for second in range(12):
        counts, filled = np.array([20, 99]), np.array([False, True])  # a filled row repeats the count before it
        work.arrived(metrics_rows("A", [2 * second, 2 * second + 1], DATA_POINT_COUNT=counts, GAP_FILLED=filled))
        told = work.look()
        clock.sleep(2)
    assert told["ticks_per_second"] == 10.0
