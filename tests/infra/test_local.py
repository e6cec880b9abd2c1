from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fsictl.clock import ManualClock
from fsictl.errors import BusyError, PreconditionError, StorageError
from fsictl.infra import local


def test_making_twice_changes_nothing(tmp_path: Path) -> None:
    root = tmp_path / "work" / ".fsictl"
    assert local.make(root)
    assert not local.make(root)
    assert root.stat().st_mode & 0o777 == 0o700
    assert all(one.ok for one in local.findings(root))


def test_what_is_missing_or_open_is_found(tmp_path: Path) -> None:
    root = tmp_path / ".fsictl"
    assert [one.ok for one in local.findings(root)] == [False]
    local.make(root)
    root.chmod(0o750)
    wrong = [one for one in local.findings(root) if not one.ok]
    assert [one.what for one in wrong] == ["for this user alone"]
    assert wrong[0].do == f"chmod 700 {root}"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        local.make(tmp_path / "file" / ".fsictl")


def test_removing_takes_everything_and_nothing_outside(tmp_path: Path) -> None:
    root, outside = tmp_path / ".fsictl", tmp_path / "prices.csv"
    local.make(root)
    outside.write_text("EURUSD")
    (root / "models").mkdir()
    (root / "models" / "card.json").write_text("12345")
    os.symlink(outside, root / "link")
    assert local.size(root) >= 5
    local.remove(root)
    assert not root.exists()
    assert outside.read_text() == "EURUSD"


def test_a_link_in_the_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / ".fsictl"
    root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="cannot be removed"):
        local.remove(root)
    assert (tmp_path / "elsewhere").is_dir()


def test_the_memory_of_the_cloud_is_not_removed(tmp_path: Path) -> None:
    state = tmp_path / local.CLOUD_STATE
    local.check_removable(tmp_path)
    state.parent.mkdir()
    state.write_text('{"resources": []}')
    local.check_removable(tmp_path)
    state.write_text('{"resources": [{"type": "google_pubsub_topic"}]}')
    with pytest.raises(PreconditionError, match="only memory"):
        local.check_removable(tmp_path)


def test_who_uses_the_folder_is_named(tmp_path: Path) -> None:
    local.check_unused(tmp_path, ManualClock(0))
    (tmp_path / "prices.db").write_text("")
    code = "import sys, time; file = open(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", code, str(tmp_path / "prices.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(BusyError, match=f"process {process.pid} "):
            local.check_unused(tmp_path, ManualClock(0))
        process.kill()
    local.check_unused(tmp_path, ManualClock(0))
    with (tmp_path / "prices.db").open():  # our own do not count
        local.check_unused(tmp_path, ManualClock(0))
