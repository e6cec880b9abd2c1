"""How every engine must behave: it runs named pipelines in the background until told to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class PipelineState(StrEnum):
    """What a pipeline is doing."""

    RUNNING = "running"
    STARTING = "starting"
    DRAINING = "draining"  # it takes nothing new, finishes what it has, and stops
    RESTARTING = "restarting"  # it crashed and waits for its next try
    FAILED = "failed"  # it crashed too often and is not tried again
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One pipeline as the engine sees it; ``detail`` is the last error, in a sentence."""

    name: str
    state: PipelineState
    pid: int | None = None
    restarts: int = 0
    since_ms: int | None = None
    detail: str = ""


class Engine(Protocol):
    """Runs pipelines; the calls return when what they ask for holds."""

    def start(self, pipelines: Sequence[str]) -> None:
        """Start these in the background, supervised; ``BusyError`` when one of them already runs."""
        ...

    def stop(self, pipelines: Sequence[str], *, drain: bool, timeout: float) -> list[str]:
        """Stop these (``drain``: after they have worked off what is waiting); returns those that were running."""
        ...

    def status(self) -> list[PipelineStatus]:
        """Every pipeline that was ever started here."""
        ...

    def logs(self, pipeline: str, lines: int) -> list[str]:
        """The last lines that the pipeline wrote."""
        ...
