"""The engine with stand-ins for pipelines: small programs that hold the pipeline's lock, as real ones do."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fsictl.backends.local import supervise
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
state = root / f"{name}.starts"
state.write_text(str(int(state.read_text() if state.exists() else 0) + 1))
if behaviour == "hopeless":
    sys.stderr.write("Error: the settings are wrong.\\nMend them.\\n")
    sys.exit(3)
if behaviour == "full" and int(state.read_text()) in range(2, 9):
    sys.stderr.write("the disk is full\\n")
    sys.exit(os.EX_TEMPFAIL)
if behaviour == "slow to start" and int(state.read_text()) > 1:
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # as before a program has set its handlers
    time.sleep(1.5)
    signal.signal(signal.SIGUSR1, lambda *_: ended.append("drained"))
lock = Lock.acquire(root / "run" / f"{name}.lock", name, SystemClock())
os.kill(os.getppid(), signal.SIGUSR2)
if behaviour == "full" and int(state.read_text()) == 1:
    time.sleep(1)
    sys.exit(os.EX_TEMPFAIL)
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


def test_a_pipeline_that_the_disk_refuses_is_tried_again_and_says_why(root: Path) -> None:
    engine = _engine(root, "full")
    engine.start(["sink"])
    starts = root / "sink.starts"
    # Six times within less than a minute: a crash would have been given up.
    _wait(lambda: int(starts.read_text() or 0) >= 6 and _status(engine).state is PipelineState.RESTARTING)
    assert "the disk is full" in _status(engine).detail
    assert engine.stop(["sink"], drain=False, timeout=10) == ["sink"]
    assert _status(engine).state is PipelineState.STOPPED


def test_a_drain_waits_until_a_pipeline_that_restarts_is_up(root: Path) -> None:
    engine = _engine(root, "slow to start")
    engine.start(["sink"])
    first = _status(engine).pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    _wait(lambda: _status(engine).state is not PipelineState.RUNNING)
    assert engine.stop(["sink"], drain=True, timeout=60) == ["sink"]
    assert engine.logs("sink", 1) == ["ended drained"], "the signal came after its handlers were set"


def test_of_those_who_start_the_same_at_once_one_does_and_the_others_are_told(root: Path) -> None:
    engines = [_engine(root) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(engine.start, ["sink", "metrics"]) for engine in engines]
    errors = [answer.exception() for answer in answers]
    assert [type(error) for error in errors if error is not None] == [BusyError, BusyError]
    assert [one.state for one in engines[0].status()] == [PipelineState.RUNNING] * 2
    starter = engines[errors.index(None)]
    assert starter.stop(["sink", "metrics"], drain=False, timeout=10) == ["sink", "metrics"]


def test_a_long_log_is_moved_aside_while_its_pipeline_writes(tmp_path: Path) -> None:
    file = log_file(tmp_path, "sink")
    file.parent.mkdir()
    code = (
        "import os, sys\n"
        "from fsictl.backends.local import supervise\n"
        "from fsictl.clock import ManualClock\n"
        "clock = ManualClock()\n"
        "log = supervise.LongLog(sys.argv[1], clock)\n"
        "supervise.LOG_BYTES = 1000\n"
        "for number in range(200):\n"
        "    os.write(2, b'line %d\\n' % number)\n"
        "    clock.sleep(11.0 if number % 50 == 49 else 0.0)\n"
        "    log.look()\n"
    )
    rotation = "import sys; sys.argv[0] = ''\nfrom fsictl.backends.local import supervise\n"
    rotation += "supervise.rotate.__defaults__ = (300, 9)\n"
    with file.open("ab") as log:
        subprocess.run(
            [sys.executable, "-c", rotation + code.replace("1000", "300"), str(file)], stderr=log, check=True
        )
    written = sorted(file.parent.iterdir(), key=lambda one: one.name, reverse=True)
    assert [one.name for one in written] == ["sink.log.4", "sink.log.3", "sink.log.2", "sink.log.1", "sink.log"]
    lines = [line for one in written for line in one.read_text().splitlines()]
    assert lines == [f"line {number}" for number in range(200)]


def test_status_can_be_written_when_no_new_file_can_be(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "run").mkdir()
    keeper = supervise.Supervisor(root, "sink", [], SystemClock())
    keeper._write(PipelineState.STARTING)
    monkeypatch.setattr(Path, "replace", _no_space)
    keeper._write(PipelineState.RESTARTING)
    assert json.loads(supervise.status_file(root, "sink").read_text())["state"] == "restarting"


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
