"""The engine with stand-ins for pipelines: small programs that hold the pipeline's lock, as real ones do."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsictl.backends.local.engine import LocalEngine
from fsictl.backends.local.lock import holder
from fsictl.backends.local.supervise import last_lines, log_file, rotate, supervisor_lock
from fsictl.clock import SystemClock
from fsictl.errors import BusyError, PreconditionError
from fsictl.ports.engine import PipelineState, PipelineStatus

WORKER = """
import os, signal, sys, time
from pathlib import Path
from fsictl.backends.local.lock import Lock
from fsictl.clock import SystemClock
root, name, behaviour = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append("now"))
signal.signal(signal.SIGUSR1, lambda *_: ended.append("drained"))
if behaviour == "hopeless":
    sys.stderr.write("Error: the settings are wrong.\\nMend them.\\n")
    sys.exit(3)
lock = Lock.acquire(root / "run" / f"{name}.lock", name, SystemClock())
os.kill(os.getppid(), signal.SIGUSR2)
if behaviour == "crash":
    time.sleep(1)  # long enough to be seen at work
    sys.exit("something broke")
if behaviour == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
while not ended and os.getppid() == int(os.environ["FSICTL_SUPERVISED_BY"]):
    time.sleep(0.02)
print("ended", *ended, flush=True)
"""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for file in (tmp_path / "run").glob("*.supervisor.lock"):
        if (keeper := holder(file)) is not None and keeper.pid:
            os.kill(keeper.pid, signal.SIGKILL)


def _engine(root: Path, behaviour: str = "work") -> LocalEngine:
    def command(name: str) -> list[str]:
        return [sys.executable, "-c", WORKER, str(root), name, behaviour]

    return LocalEngine(root, command, SystemClock())


def _wait(holds: Callable[[], bool]) -> None:
    clock = SystemClock()
    end = clock.monotonic() + 60
    while not holds():
        assert clock.monotonic() < end
        clock.sleep(0.05)


def _status(engine: LocalEngine) -> PipelineStatus:
    (one,) = engine.status()
    return one


def test_started_pipelines_run_until_they_are_stopped(root: Path) -> None:
    engine = _engine(root)
    assert engine.status() == []
    engine.start(["sink", "metrics"])
    found = engine.status()
    assert [one.name for one in found] == ["metrics", "sink"]
    assert all(one.state is PipelineState.RUNNING and one.pid for one in found)
    assert engine.stop(["metrics", "infer"], drain=False, timeout=10) == ["metrics"]
    assert [one.state for one in engine.status()] == [PipelineState.STOPPED, PipelineState.RUNNING]
    assert engine.stop(["metrics", "sink"], drain=True, timeout=10) == ["sink"]
    assert engine.logs("metrics", 1) == ["ended now"]
    assert engine.logs("sink", 1) == ["ended drained"]


def test_a_second_start_is_refused_and_starts_nothing(root: Path) -> None:
    engine = _engine(root)
    engine.start(["sink"])
    with pytest.raises(BusyError, match="sink already runs"):
        engine.start(["metrics", "sink"])
    assert [one.name for one in engine.status()] == ["sink"]
    engine.stop(["sink"], drain=False, timeout=10)


def test_a_killed_pipeline_is_started_again_and_counted(root: Path) -> None:
    engine = _engine(root)
    engine.start(["sink"])
    first = _status(engine).pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    _wait(lambda: _status(engine).state is PipelineState.RUNNING and _status(engine).restarts == 1)
    assert _status(engine).pid not in {None, first}
    engine.stop(["sink"], drain=False, timeout=10)


def test_a_pipeline_that_keeps_crashing_is_given_up_with_its_last_words(root: Path) -> None:
    engine = _engine(root, "crash")
    engine.start(["sink"])
    _wait(lambda: _status(engine).state is PipelineState.FAILED)
    assert "crashed 5 times" in _status(engine).detail
    assert "something broke" in _status(engine).detail
    assert holder(supervisor_lock(root, "sink")) is None


def test_what_another_try_cannot_mend_is_not_tried_again(root: Path) -> None:
    engine = _engine(root, "hopeless")
    with pytest.raises(PreconditionError, match=r"the settings are wrong\. Mend them"):
        engine.start(["sink"])
    assert _status(engine).state is PipelineState.FAILED
    assert _status(engine).restarts == 0


def test_a_pipeline_that_does_not_listen_is_killed(root: Path) -> None:
    engine = _engine(root, "deaf")
    engine.start(["sink"])
    assert engine.stop(["sink"], drain=False, timeout=10) == ["sink"]
    assert holder(root / "run" / "sink.lock") is None


def test_a_pipeline_whose_keeper_is_killed_ends_and_can_be_started_again(root: Path) -> None:
    engine = _engine(root)
    engine.start(["sink"])
    keeper = holder(supervisor_lock(root, "sink"))
    assert keeper is not None
    assert keeper.pid is not None
    os.kill(keeper.pid, signal.SIGKILL)
    _wait(lambda: holder(root / "run" / "sink.lock") is None)
    assert _status(engine).state is PipelineState.STOPPED
    engine.start(["sink"])
    engine.stop(["sink"], drain=False, timeout=10)


def test_logs_are_read_from_their_end_and_moved_aside_when_long(tmp_path: Path) -> None:
    file = log_file(tmp_path, "sink")
    assert last_lines(file, 5) == []
    file.parent.mkdir()
    file.write_text("".join(f"line {number}\n" for number in range(1000)))
    assert last_lines(file, 2) == ["line 998", "line 999"]
    rotate(file, limit=10**9)
    assert file.exists()
    for number in range(5):
        file.write_text(f"{number}" * 100)
        rotate(file, limit=50, keep=3)
    assert sorted(one.name for one in file.parent.iterdir()) == ["sink.log.1", "sink.log.2", "sink.log.3"]
    assert (file.parent / "sink.log.1").read_text().startswith("4")
