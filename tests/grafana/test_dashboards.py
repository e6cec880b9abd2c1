from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from scripts.grafana.__main__ import FOLDER, files
from tests.grafana.strict import problems

BOARDS = sorted(FOLDER.glob("*/dashboards/*.json"))


def load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_committed_dashboards_are_what_the_program_writes() -> None:
    assert {file: file.read_text(encoding="utf-8") for file in BOARDS} == files()


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_a_dashboard_is_of_the_types_of_grafanas_sdk(file: Path) -> None:
    assert problems(load(file)) == []


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_panels_do_not_overlap_and_have_what_a_reader_needs(file: Path) -> None:
    board, taken = load(file), set()
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["targets"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["title"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize("source", ["bigquery", "local"])
def test_the_main_panel_is_a_timeseries_and_its_inputs_are_variables(source: str) -> None:
    prices, model = (load(FOLDER / source / "dashboards" / f"{name}.json") for name in ("prices", "model"))
    assert prices["panels"][0]["type"] == "timeseries"
    assert {one["name"] for one in prices["templating"]["list"]} >= {"symbol", "threshold"}
    assert {one["name"] for one in model["templating"]["list"]} >= {"model_symbol", "threshold"}


def test_no_dashboard_uses_the_removed_graph_panel() -> None:
    kinds = {panel["type"] for file in BOARDS for panel in load(file)["panels"]}
    assert kinds == {"timeseries", "table", "stat"}


def board_with(change: Any) -> Any:
    board = copy.deepcopy(load(FOLDER / "bigquery" / "dashboards" / "prices.json"))
    change(board["panels"][0])
    return board


@pytest.mark.parametrize(
    "change",
    [
        lambda panel: panel["fieldConfig"]["defaults"]["custom"].update(fillOpacty=3),
        lambda panel: panel["targets"][0].update(rawSQL="select 1"),
        lambda panel: panel["gridPos"].update(w="24"),
        lambda panel: panel["targets"][0].update(format="time_series"),
        lambda panel: panel["options"].update(legnd={}),
        lambda panel: panel["options"]["legend"].update(displayMode="lines"),
        lambda panel: panel["fieldConfig"]["defaults"].update(decimals="five"),
    ],
    ids=["custom", "target", "type", "enum", "options", "nested enum", "number"],
)
def test_a_mistake_is_found(change: Any) -> None:
    assert problems(board_with(change))
