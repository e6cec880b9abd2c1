"""What the page tells of the model that scores: its card, and the versions before it."""

from __future__ import annotations

import json
from typing import Any

from fsictl.errors import FsictlError
from fsictl.ports.artifacts import Artifacts

CHAMPION = "champion"
MOST_VERSIONS = 20
SECTIONS = ("snapshot", "calibration", "evaluation", "training", "gate")


def model(artifacts: Artifacts) -> dict[str, Any]:
    """The champion's card as far as the page shows it; ``version`` is null when there is none."""
    version = artifacts.resolve(CHAMPION)
    return {"version": None} if version is None else told(artifacts, version)


def versions(artifacts: Artifacts) -> list[dict[str, Any]]:
    """The newest versions, newest first: name, when made, alias, whether the gate let it pass."""
    names: dict[str, list[str]] = {}
    for alias, folder in artifacts.aliases().items():
        names.setdefault(folder, []).append(alias)
    found = [told(artifacts, folder) for folder in artifacts.folders()]
    found.sort(key=lambda one: (one.get("created_at", 0), one["version"]), reverse=True)
    return [
        {
            "version": one["version"],
            "created_at": one.get("created_at"),
            "aliases": sorted(names.get(one["version"], [])),
            "passed": one.get("gate", {}).get("passed"),
        }
        for one in found[:MOST_VERSIONS]
    ]


def told(artifacts: Artifacts, version: str) -> dict[str, Any]:
    """What the card of a version says of itself; what is missing or of another kind is left out."""
    try:
        card = json.loads(artifacts.get(version, "card.json"))
    except (FsictlError, ValueError) as error:
        return {"version": version, "problem": f"The model card cannot be read: {error}"}
    return {"version": version} | _facts(card)


def _facts(card: Any) -> dict[str, Any]:
    if not isinstance(card, dict):
        return {}
    facts: dict[str, Any] = {}
    if isinstance(card.get("created_at"), int):
        facts["created_at"] = card["created_at"] / 1000
    for name in ("detector", "parent", "requested_by", "code_version"):
        if isinstance(card.get(name), str):
            facts[name] = card[name]
    for section in SECTIONS:
        if isinstance(card.get(section), dict):
            facts[section] = {name: value for name, value in card[section].items() if _is_short(value)}
    checks = card["gate"].get("checks") if isinstance(card.get("gate"), dict) else None
    if isinstance(checks, list):
        facts["gate"]["checks"] = [check for check in checks if _is_check(check)]
    return facts


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) or (
        isinstance(value, list) and all(isinstance(item, str) for item in value)
    )


def _is_check(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("said"), str)
