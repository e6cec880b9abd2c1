from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.model.versions_of_chance import random_card, random_graph

from fsictl.backends.local.artifacts import LocalArtifacts
from fsictl.cli.main import main
from fsictl.model.versions import CHALLENGER, CHAMPION, store_version


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalArtifacts:
    """A champion that follows an earlier version, and a challenger."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".fsictl").mkdir()
    artifacts = LocalArtifacts(tmp_path / ".fsictl")
    for name, parent in (("first", None), ("second", "first"), ("third", "second")):
        store_version(artifacts, replace(random_card(name), parent=parent), keras_file=b"", graph=random_graph())
    artifacts.point(CHAMPION, "second")
    artifacts.point(CHALLENGER, "third")
    return artifacts


def test_promote_and_rollback_move_the_champion(artifacts: LocalArtifacts, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "promote", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"champion": "third"}
    assert artifacts.resolve(CHAMPION) == "third"
    assert main(["model", "rollback"]) == 0
    assert artifacts.resolve(CHAMPION) == "second"
    assert main(["model", "promote", "first"]) == 0
    assert artifacts.resolve(CHAMPION) == "first"


def test_there_is_no_way_back_beyond_the_first_and_none_to_what_is_not_there(
    artifacts: LocalArtifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    artifacts.point(CHAMPION, "first")
    assert main(["model", "rollback"]) == 3
    assert "replaced no other" in capsys.readouterr().err
    assert main(["model", "promote", "fourth"]) == 3
    assert "fourth" in capsys.readouterr().err
    assert artifacts.resolve(CHAMPION) == "first"
