from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from fsictl.cli.main import main
from fsictl.dashboard.provisioning import SHIPPED_ADDRESS, SHIPPED_FOLDER, write_provisioning
from fsictl.errors import StorageError
from fsictl.template_files import template_folder


def sources(folder: Path) -> list[dict[str, object]]:
    file = folder / "provisioning" / "datasources" / "fsictl.yaml"
    loaded: list[dict[str, object]] = yaml.safe_load(file.read_text())["datasources"]
    return loaded


def test_the_local_files_name_the_page_and_their_own_folder(tmp_path: Path) -> None:
    write_provisioning(tmp_path, "local", address="http://127.0.0.1:9000")
    (source,) = sources(tmp_path)
    assert source["url"] == "http://127.0.0.1:9000"
    assert source["jsonData"] == {"allowedHosts": ["http://127.0.0.1:9000"]}
    providers = yaml.safe_load((tmp_path / "provisioning" / "dashboards" / "fsictl.yaml").read_text())["providers"]
    assert providers[0]["options"]["path"] == str(tmp_path / "dashboards")
    assert len(list((tmp_path / "dashboards").glob("*.json"))) == 5


def test_the_cloud_files_have_no_key_and_the_dataset_of_the_settings(tmp_path: Path) -> None:
    write_provisioning(tmp_path, "bigquery", constants={"dataset": "fx"})
    for source in sources(tmp_path):
        assert isinstance(source["jsonData"], dict)
        assert source["jsonData"]["authenticationType"] == "gce"
        assert "secureJsonData" not in source
    board = json.loads((tmp_path / "dashboards" / "prices.json").read_text())
    constants = {one["name"]: one["query"] for one in board["templating"]["list"] if one["type"] == "constant"}
    assert constants == {"dataset": "fx"}


def test_what_is_replaced_stands_in_the_shipped_files() -> None:
    local = template_folder("grafana") / "local" / "provisioning"
    assert SHIPPED_ADDRESS in (local / "datasources" / "fsictl.yaml").read_text()
    assert SHIPPED_FOLDER in (local / "dashboards" / "fsictl.yaml").read_text()


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    first = {file: file.read_text() for file in write_provisioning(tmp_path, "local")}
    assert {file: file.read_text() for file in write_provisioning(tmp_path, "local")} == first


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_provisioning(tmp_path / "file", "local")


def test_the_command_writes_them_and_says_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--workspace", str(tmp_path), "--json"]
    assert main(["dashboard", *arguments, "grafana", str(tmp_path / "here")]) == 0
    assert len(json.loads(capsys.readouterr().out)["files"]) == 7
