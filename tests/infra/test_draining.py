from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from fsictl.errors import BusyError
from fsictl.infra.draining import drain, running
from fsictl.ports.engine import PipelineState, PipelineStatus

ORDER = ("metrics", "infer", "sink")


@dataclass
class Pipelines:
    """An engine whose pipelines stop when told, but for those that are ``stubborn``."""

    states: dict[str, PipelineState]
    stubborn: tuple[str, ...] = ()
    told: list[tuple[tuple[str, ...], bool, float]] = field(default_factory=list)

    def start(self, pipelines: Sequence[str]) -> None:
        raise AssertionError

    def stop(self, pipelines: Sequence[str], *, drain: bool, timeout: float) -> list[str]:
        self.told.append((tuple(pipelines), drain, timeout))
        for name in pipelines:
            if name not in self.stubborn:
                self.states[name] = PipelineState.STOPPED
        return list(pipelines)

    def status(self) -> list[PipelineStatus]:
        return [PipelineStatus(name, state) for name, state in sorted(self.states.items())]

    def logs(self, pipeline: str, lines: int) -> list[str]:
        raise AssertionError


def test_what_runs_is_drained_in_the_order_of_the_data() -> None:
    engine = Pipelines(
        {
            "sink": PipelineState.RUNNING,
            "metrics": PipelineState.RESTARTING,
            "infer": PipelineState.FAILED,
            "own": PipelineState.STARTING,
        }
    )
    assert [one.name for one in running(engine)] == ["metrics", "own", "sink"]
    assert drain(engine, ORDER, 30.0) == ["metrics", "sink", "own"]
    assert engine.told == [(("metrics", "sink", "own"), True, 30.0)]


def test_nothing_is_told_when_nothing_runs() -> None:
    engine = Pipelines({"sink": PipelineState.STOPPED})
    assert drain(engine, ORDER, 30.0) == []
    assert engine.told == []


def test_what_does_not_end_stops_everything_that_would_follow() -> None:
    engine = Pipelines(dict.fromkeys(ORDER, PipelineState.RUNNING), stubborn=("sink",))
    with pytest.raises(BusyError, match="sink still runs after 30 seconds"):
        drain(engine, ORDER, 30.0)
