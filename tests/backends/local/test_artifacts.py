"""Stores of model files that cannot be finished."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.errors import InputError, StorageError

FILES = {"model.onnx": b"\x08\x01", "card.json": b"{}"}


def no_space(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    artifacts = LocalArtifacts(tmp_path)
    artifacts.put("v1", FILES)
    artifacts.point("live", "v1")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StorageError, match="no space"):
        artifacts.put("v2", FILES)
    with pytest.raises(StorageError, match="no space"):
        artifacts.point("next", "v1")
    assert sorted(tmp_path.rglob("*")) == before
    assert artifacts.resolve("live") == "v1"


@pytest.mark.parametrize("same", [True, False])
def test_two_who_store_the_same_name_at_once(tmp_path, monkeypatch, same):
    one, other = LocalArtifacts(tmp_path), LocalArtifacts(tmp_path)
    sync, files = os.fsync, FILES if same else {"card.json": b"[]"}

    def overtaken(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        other.put("v1", files)

    monkeypatch.setattr(os, "fsync", overtaken)
    if same:
        one.put("v1", FILES)
    else:
        with pytest.raises(InputError, match="v1"):
            one.put("v1", FILES)
    assert {path.name for path in (tmp_path / "models" / "versions" / "v1").iterdir()} == set(files)
    assert [path.name for path in (tmp_path / "models" / "versions").iterdir()] == ["v1"]


def test_what_a_killed_process_left_is_not_seen(tmp_path):
    artifacts = LocalArtifacts(tmp_path)
    artifacts.put("v1", FILES)
    artifacts.point("live", "v1")
    (tmp_path / "models" / "versions" / ".new-abc").mkdir()
    (tmp_path / "models" / "aliases" / ".new-abc").touch()
    assert artifacts.folders() == ["v1"]
    assert artifacts.aliases() == {"live": "v1"}


def test_a_place_that_is_no_directory(tmp_path):
    (tmp_path / "models").write_text("a file")
    artifacts = LocalArtifacts(tmp_path)
    with pytest.raises(StorageError, match="models"):
        artifacts.put("v1", FILES)
    assert artifacts.folders() == []


def test_what_an_editor_left_beside_the_aliases_is_none(tmp_path: Path) -> None:
    artifacts = LocalArtifacts(tmp_path)
    artifacts.put("v1", {"card.json": b"{}"})
    artifacts.point("champion", "v1")
    (tmp_path / "models" / "aliases" / "champion~").write_text("v0")
    (tmp_path / "models" / "aliases" / "folder").mkdir()
    assert artifacts.aliases() == {"champion": "v1"}
