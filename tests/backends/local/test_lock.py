"""Locks that are the operating system's, not files'."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

import fsictl
from fsictl.backends.local.lock import Holder, Lock, holder
from fsictl.clock import ManualClock, SystemClock
from fsictl.errors import BusyError, StorageError

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(fsictl.__file__).parents[1])}

HOLD = """
import sys, time
from pathlib import Path
from fsictl.backends.local.lock import Lock
from fsictl.clock import SystemClock
lock = Lock.acquire(Path(sys.argv[1]), "it", SystemClock())
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_exclusive_and_says_who_holds_it(tmp_path):
    path, clock = tmp_path / "run" / "metrics.lock", ManualClock(1_577_836_800_000)
    assert holder(path) is None
    lock = Lock.acquire(path, "the pipeline metrics", clock)
    assert holder(path) == Holder(os.getpid(), 1_577_836_800_000)
    expected = f"the pipeline metrics is already running in process {os.getpid()}, since 2020-01-01 00:00:00 UTC"
    with pytest.raises(BusyError, match=expected) as busy:
        Lock.acquire(path, "the pipeline metrics", clock)
    assert busy.value.hint
    assert holder(path) is not None
    lock.release()
    lock.release()
    assert holder(path) is None
    Lock.acquire(path, "the pipeline metrics", clock).release()


def test_a_file_that_was_left_behind_locks_nothing(tmp_path):
    path = tmp_path / "metrics.lock"
    path.write_text('{"pid": 1, "since_ms": 0}')
    assert holder(path) is None
    Lock.acquire(path, "it", ManualClock()).release()


def test_a_lock_file_with_nonsense_still_locks(tmp_path):
    path = tmp_path / "metrics.lock"
    lock = Lock.acquire(path, "it", ManualClock())
    path.write_text("nonsense")
    with pytest.raises(BusyError, match="another process"):
        Lock.acquire(path, "it", ManualClock())
    assert holder(path) is not None
    lock.release()


def test_a_killed_process_holds_nothing(tmp_path):
    path = tmp_path / "metrics.lock"
    environment = {**os.environ, "PYTHONPATH": str(Path(fsictl.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        found = holder(path)
        assert found is not None
        assert found.pid == child.pid
        with pytest.raises(BusyError, match=str(child.pid)):
            Lock.acquire(path, "it", ManualClock())
        child.kill()
        child.wait()
        assert holder(path) is None
        Lock.acquire(path, "it", ManualClock()).release()


def test_a_place_that_cannot_have_a_lock(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(StorageError, match="run"):
        Lock.acquire(tmp_path / "run" / "metrics.lock", "it", ManualClock())


def test_a_number_that_another_process_has_now_is_nobodys(tmp_path):
    path = tmp_path / "metrics.lock"
    lock = Lock.acquire(path, "it", ManualClock())
    said = json.loads(path.read_text())
    assert holder(path) == Holder(os.getpid(), 0)
    path.write_text(json.dumps({**said, "born": "1"}))  # of an earlier process with the same number
    assert holder(path) == Holder(None, None)
    path.write_text(json.dumps({**said, "pid": 2**22 + 1}))
    assert holder(path) == Holder(None, None)
    lock.release()


def test_a_lock_can_be_waited_for(tmp_path):
    path = tmp_path / "start.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=PIPE, stdout=PIPE, env=ENVIRONMENT) as child:
        assert child.stdout is not None
        child.stdout.readline()
        clock = ManualClock()
        with pytest.raises(BusyError):
            Lock.acquire(path, "it", clock, patience=3.0)
        assert clock.monotonic() >= 3.0
        child.kill()
    Lock.acquire(path, "it", SystemClock(), patience=60.0).release()


def test_lock_files_are_for_their_owner_alone(tmp_path):
    path = tmp_path / "run" / "metrics.lock"
    Lock.acquire(path, "it", ManualClock()).release()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
