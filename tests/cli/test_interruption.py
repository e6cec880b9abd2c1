from __future__ import annotations

import os
import signal

import pytest

from fsictl.cli.interruption import held_back


def _interrupted_between_steps(said: list[str]) -> None:
    with held_back(said.append) as look:
        look(True)
        os.kill(os.getpid(), signal.SIGINT)
        said.append("step")
        look(True)
        said.append("never")


def _interrupted_after_the_last_step(said: list[str]) -> None:
    with held_back(said.append) as look:
        look(False)
        os.kill(os.getpid(), signal.SIGINT)
        said.append("never")


def test_it_is_acted_on_between_two_steps() -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _interrupted_between_steps(said)
    assert said == ["Ending after this step; Ctrl-C again ends at once.", "step"]
    assert signal.getsignal(signal.SIGINT) is before


def test_it_raises_at_once_when_the_work_is_over() -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted_after_the_last_step(said)
    assert said == []


def test_without_it_nothing_happens() -> None:
    with held_back(print) as look:
        look(True)
        look(False)
