"""What Grafana reads at its start, written to a folder: data sources, dashboards, and where those are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from fsictl.errors import StorageError
from fsictl.template_files import template_folder

SHIPPED_ADDRESS = "http://127.0.0.1:8050"
SHIPPED_FOLDER = "/etc/grafana/fsictl/dashboards"


def write_provisioning(
    folder: Path, source: str, *, address: str = SHIPPED_ADDRESS, constants: Mapping[str, str] | None = None
) -> list[Path]:
    """Write the files for ``source`` (``local`` or ``bigquery``) to ``folder``, and return them.

    ``address`` is that of the live page, for ``local``; ``constants`` are values of the dashboards' constant
    variables. Files of that name are replaced, others are left alone. Raises ``StorageError`` when the folder cannot
    be written to.
    """
    shipped = template_folder("grafana") / source
    written = []
    for file in sorted(path for path in shipped.rglob("*") if path.is_file()):
        text = file.read_text(encoding="utf-8")
        text = text.replace(SHIPPED_ADDRESS, address).replace(SHIPPED_FOLDER, str(folder.absolute() / "dashboards"))
        if file.suffix == ".json":
            text = _with_constants(text, constants or {})
        target = folder / file.relative_to(shipped)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            message = f"{target} cannot be written: {error.strerror}"
            raise StorageError(message, hint="Give a folder that you may write to.") from error
        written.append(target)
    return written


def _with_constants(text: str, constants: Mapping[str, str]) -> str:
    board = json.loads(text)
    for variable in board["templating"]["list"]:
        if variable["type"] == "constant" and variable["name"] in constants:
            variable["query"] = constants[variable["name"]]
    return json.dumps(board, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
