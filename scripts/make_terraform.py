#!/usr/bin/env python
"""Write what Terraform must know of our code: names, the schema of each table, the query of each view.

``python scripts/make_terraform.py`` writes them under ``templates/terraform``; ``--check`` only says whether they are
what the code says. What the files hold is defined in ``records/schemas.py`` and ``backends/gcp``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fsictl.backends.gcp import names
from fsictl.backends.gcp.schemas import table_resource, view_sql
from fsictl.records.schemas import TABLES

ROOT = Path(__file__).resolve().parents[1]
TERRAFORM = ROOT / "templates" / "terraform"


def files() -> dict[str, str]:
    """The text of every generated file, by its path under ``templates/terraform``."""
    made = {"names.json": _json(_names())}
    for name, schema in TABLES.items():
        made[f"schemas/{name}.json"] = _json(table_resource(schema)["schema"]["fields"])
        # Terraform's templatefile puts project and dataset in.
        made[f"views/{name}.sql"] = view_sql(schema, "${project}", "${dataset}") + "\n"
    return made


def _names() -> dict[str, Any]:
    return {
        "components": list(names.COMPONENTS),
        "images": list(names.IMAGES),
        "held": names.HELD,
        "topics": {topic: list(readers) for topic, readers in names.READERS.items()},
        "tables": {name: _table(table_resource(schema)) for name, schema in TABLES.items()},
    }


def _table(resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": resource["description"],
        "partition": resource.get("timePartitioning", {}).get("field"),
        "clustering": resource.get("clustering", {}).get("fields", []),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def stale(folder: Path = TERRAFORM) -> list[str]:
    """Generated files in ``folder`` that are missing, differ, or should not be there."""
    made = files()
    there = {path.relative_to(folder).as_posix() for part in ("schemas", "views") for path in (folder / part).glob("*")}
    wrong = {name for name, text in made.items() if not _same(folder / name, text)}
    return sorted(wrong | (there - set(made)))


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def main(arguments: list[str]) -> None:
    """Write the files, or with ``--check`` end with 1 when one is not up to date."""
    wrong = stale()
    if arguments == ["--check"]:
        if wrong:
            sys.exit("Not up to date under templates/terraform: " + ", ".join(wrong) + ". Run: just docs")
        return
    for name in wrong:
        path = TERRAFORM / name
        if name not in files():
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files()[name], encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
