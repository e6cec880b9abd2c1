"""What every store of model files must do, in the words of its port."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from fsictl.errors import InputError

FILES = {"model.onnx": b"\x08\x01", "card.json": b"{}"}


def test_an_empty_store_has_nothing(backend):
    assert backend.artifacts.folders() == []
    assert backend.artifacts.aliases() == {}
    assert backend.artifacts.resolve("live") is None


def test_files_come_back_as_they_were_stored(backend):
    backend.artifacts.put("v1", FILES)
    assert {name: backend.artifacts.get("v1", name) for name in FILES} == FILES
    backend.artifacts.put("v0", {"empty": b""})
    assert backend.artifacts.get("v0", "empty") == b""
    assert backend.artifacts.folders() == ["v0", "v1"]


def test_storing_the_same_again_changes_nothing_and_other_files_are_refused(backend):
    backend.artifacts.put("v1", FILES)
    backend.artifacts.put("v1", dict(FILES))
    for others in ({**FILES, "card.json": b"[]"}, {**FILES, "more": b""}, {"card.json": b"{}"}):
        with pytest.raises(InputError, match="v1"):
            backend.artifacts.put("v1", others)
    assert {name: backend.artifacts.get("v1", name) for name in FILES} == FILES


@pytest.mark.parametrize(("folder", "file"), [("v1", "none"), ("none", "card.json")])
def test_what_is_not_there_is_an_input_error(backend, folder, file):
    backend.artifacts.put("v1", FILES)
    with pytest.raises(InputError, match="none"):
        backend.artifacts.get(folder, file)


@pytest.mark.parametrize("name", ["", ".", "..", "../v1", "/etc", "a/b", "a\\b", ".new", "a\x00", "v1\n"])
def test_names_that_could_lead_elsewhere_are_refused(backend, name):
    backend.artifacts.put("v1", FILES)
    with pytest.raises(InputError):
        backend.artifacts.put(name, FILES)
    with pytest.raises(InputError):
        backend.artifacts.put("v2", {"fine": b"", name: b""})
    with pytest.raises(InputError):
        backend.artifacts.get("v1", name)
    with pytest.raises(InputError):
        backend.artifacts.get(name, "card.json")
    with pytest.raises(InputError):
        backend.artifacts.point(name, "v1")
    with pytest.raises(InputError):
        backend.artifacts.point("live", name)
    with pytest.raises(InputError):
        backend.artifacts.resolve(name)
    assert backend.artifacts.folders() == ["v1"]
    assert backend.artifacts.aliases() == {}


def test_a_folder_without_files_is_refused(backend):
    with pytest.raises(InputError, match="v1"):
        backend.artifacts.put("v1", {})


def test_an_alias_moves_between_folders(backend):
    backend.artifacts.put("v1", FILES)
    backend.artifacts.put("v2", FILES)
    backend.artifacts.point("live", "v1")
    backend.artifacts.point("previous", "v1")
    backend.artifacts.point("live", "v2")
    assert backend.artifacts.resolve("live") == "v2"
    assert backend.artifacts.aliases() == {"live": "v2", "previous": "v1"}
    assert backend.artifacts.folders() == ["v1", "v2"]


def test_an_alias_names_only_what_is_there(backend):
    with pytest.raises(InputError, match="v1"):
        backend.artifacts.point("live", "v1")
    assert backend.artifacts.resolve("live") is None


def test_an_alias_is_swapped_only_from_what_was_expected(backend):
    backend.artifacts.put("v1", FILES)
    backend.artifacts.put("v2", FILES)
    assert backend.artifacts.swap("live", None, "v1")
    assert not backend.artifacts.swap("live", None, "v2")
    assert not backend.artifacts.swap("live", "v2", "v2")
    assert backend.artifacts.resolve("live") == "v1"
    assert backend.artifacts.swap("live", "v1", "v2")
    assert backend.artifacts.resolve("live") == "v2"
    with pytest.raises(InputError):
        backend.artifacts.swap("live", "v2", "v3")


def test_of_many_that_swap_at_once_one_succeeds(backend):
    backend.artifacts.put("v0", FILES)
    backend.artifacts.point("live", "v0")
    names = [f"v{number}" for number in range(1, 9)]
    for name in names:
        backend.artifacts.put(name, FILES)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda name: backend.artifacts.swap("live", "v0", name), names))
    assert won.count(True) == 1
    assert backend.artifacts.resolve("live") == names[won.index(True)]


def test_an_alias_can_be_forgotten(backend):
    backend.artifacts.put("v1", FILES)
    backend.artifacts.point("live", "v1")
    backend.artifacts.forget("live")
    backend.artifacts.forget("live")
    assert backend.artifacts.resolve("live") is None
    assert backend.artifacts.aliases() == {}
