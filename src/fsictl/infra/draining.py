"""Ending the pipelines before what they stand on goes away."""

from __future__ import annotations

from collections.abc import Sequence

from fsictl.errors import BusyError
from fsictl.ports.engine import Engine, PipelineState, PipelineStatus

AT_REST = {PipelineState.STOPPED, PipelineState.FAILED}
"""States in which a pipeline does nothing and costs nothing; in all others it must be drained before ``down``."""


def running(engine: Engine) -> list[PipelineStatus]:
    """The pipelines that run or are about to."""
    return [one for one in engine.status() if one.state not in AT_REST]


def drain(engine: Engine, order: Sequence[str], timeout: float) -> list[str]:
    """Let every pipeline finish what is waiting, each after those that hand it work, and stop it.

    ``order`` are their names in that order. Returns those that were stopped; ``BusyError`` when one still runs.
    """
    names = {one.name for one in running(engine)}
    if not names:
        return []
    wanted = [name for name in order if name in names] + sorted(names - set(order))
    stopped = engine.stop(wanted, drain=True, timeout=timeout)
    left = [one.name for one in running(engine)]
    if left:
        message = f"{', '.join(left)} still {'runs' if len(left) == 1 else 'run'} after {timeout:g} seconds of draining"
        raise BusyError(message, hint="Give it longer with --timeout, or see `fsictl stream status`.")
    return stopped
