"""The dashboards against the JSON schemas in the repository of Grafana's SDK, where a clone of it is at hand."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
from scripts.grafana.__main__ import FOLDER

SCHEMAS = os.environ.get("GRAFANA_SCHEMAS")
pytestmark = pytest.mark.skipif(not SCHEMAS, reason="GRAFANA_SCHEMAS does not name the SDK's jsonschema folder")

BOARDS = sorted(FOLDER.glob("*/dashboards/*.json"))
QUERIES = {"grafana-bigquery-datasource": "bigquery", "stackdriver": "googlecloudmonitoring"}


def schema(name: str, definition: str | None = None) -> Any:
    loaded = json.loads((Path(str(SCHEMAS)) / f"{name}.jsonschema.json").read_text())
    if definition is not None:
        loaded["$ref"] = f"#/definitions/{definition}"
    if name == "dashboard":  # values of any kind, which the schemas call objects
        for kind, key in (("MatcherConfig", "options"), ("DynamicConfigValue", "value")):
            loaded["definitions"][kind]["properties"][key].pop("type", None)
    return loaded


def problems(board: Any) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")

    def errors(value: Any, name: str, definition: str | None = None) -> list[str]:
        validator = jsonschema.Draft7Validator(schema(name, definition))
        return [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:120]}" for one in validator.iter_errors(value)]

    found = errors(board, "dashboard")
    for panel in board["panels"]:
        kind = panel["type"]
        found += errors(panel["options"], kind, "Options")
        if custom := panel["fieldConfig"]["defaults"].get("custom"):
            found += errors(custom, kind, "FieldConfig")
        for target in panel["targets"]:
            if name := QUERIES.get(target["datasource"]["type"]):
                found += errors(target, name, "Dataquery" if name == "bigquery" else "CloudMonitoringQuery")
    return found


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: f"{file.parts[-3]}-{file.stem}")
def test_a_dashboard_is_valid(file: Path) -> None:
    assert problems(json.loads(file.read_text())) == []


def test_a_mistake_is_found() -> None:
    board = json.loads((FOLDER / "bigquery" / "dashboards" / "prices.json").read_text())
    for path, key in ((("gridPos",), "w"), (("options", "legend"), "displayMode"), (("targets", 0), "format")):
        wrong = copy.deepcopy(board)
        place: Any = wrong["panels"][0]
        for part in path:
            place = place[part]
        place[key] = "nonsense"
        assert problems(wrong), key
