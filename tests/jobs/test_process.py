"""Workloads as real processes. Nothing here waits for a time that could be too short on a slow machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from tests.jobs.conftest import RFM

from fsictl.jobs.process import Outcome, WorkProcess

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
READ = "import sys, json, time, os; request = json.loads(sys.stdin.readline())\n"


def started(code: str) -> WorkProcess:
    return WorkProcess([sys.executable, "-c", READ + code], RFM, ENVIRONMENT)


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60.0
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def ended(work: WorkProcess) -> Outcome:
    eventually(lambda: work.outcome() is not None)
    found = work.outcome()
    assert found is not None
    work.kill()
    return found


def test_it_gets_the_request_and_answers() -> None:
    work = started("print('hello', file=sys.stderr); print(json.dumps({'detail': 'ok', 'result': request}))")
    outcome = ended(work)
    assert outcome.succeeded
    assert outcome.detail == "ok"
    assert outcome.result == '{"params": {}, "run_date": "2026-01-30", "workload": "rfm"}'
    assert work.lines() == ["hello"]
    assert work.lines() == []


def test_what_it_says_last_is_why_it_failed() -> None:
    outcome = ended(started("print('x\\nError: no row.\\nLoad some.', file=sys.stderr); sys.exit(3)"))
    assert outcome == Outcome(False, "no row. Load some.", passing=False)


def test_exit_codes_of_what_passes_may_be_tried_again() -> None:
    assert ended(started("sys.exit(4)")) == Outcome(False, "it ended with exit code 4", passing=True)
    assert ended(started("sys.exit(75)")).passing
    assert not ended(started("sys.exit(1)")).passing
    assert not ended(started("sys.exit(5)")).passing


def test_a_signal_may_be_tried_again() -> None:
    outcome = ended(started("os.kill(os.getpid(), 9)"))
    assert outcome == Outcome(False, "it was killed by SIGKILL", passing=True)


def test_no_answer_is_no_success() -> None:
    for answer in ("''", "'{}'", "'[1'", "'{\"detail\": 1}'"):
        outcome = ended(started(f"print({answer})"))
        assert not outcome.succeeded
        assert not outcome.passing


def test_a_command_that_reads_nothing_ends_as_it_ends() -> None:
    assert ended(WorkProcess(["/bin/false"], RFM, ENVIRONMENT)).detail == "it ended with exit code 1"


def test_killing_it_ends_what_it_has_started() -> None:
    code = (
        "import subprocess; child = subprocess.Popen(['sleep', '600']); print(child.pid, file=sys.stderr); child.wait()"
    )
    work = started(code)
    found: list[str] = []

    def told() -> bool:
        found.extend(work.lines())
        return bool(found)

    eventually(told)
    work.kill()
    eventually(lambda: not _alive(int(found[0])))


def test_it_ends_when_its_worker_is_killed() -> None:
    """A worker that is killed by kill -9 says nothing; the end of the pipe does."""
    child = READ + (
        "from fsictl.jobs.process import end_with_parent; end_with_parent(0)\n"
        "print('up', os.getpid(), file=sys.stderr); time.sleep(600)"
    )
    worker = (
        "import os, sys, time\nfrom fsictl.jobs.process import WorkProcess\n"
        "from fsictl.jobs.request import request_of\n"
        f"work = WorkProcess([sys.executable, '-c', {child!r}], request_of('rfm', '2026-01-30'), os.environ)\n"
        "while True:\n    for line in work.lines():\n        print(line, flush=True)\n    time.sleep(0.02)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", worker], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    said, pid = parent.stdout.readline().split()
    assert said == "up"
    assert _alive(int(pid))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    eventually(lambda: not _alive(int(pid)))


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
