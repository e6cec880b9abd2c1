"""Where the files under ``templates/`` are: inside the installed package, or in the source tree beside it."""

from __future__ import annotations

from pathlib import Path

import fsictl


def template_folder(name: str) -> Path:
    """The folder ``templates/NAME``.

    >>> template_folder("grafana").name
    'grafana'
    """
    package = Path(fsictl.__file__).parent
    installed = package / "templates" / name
    return installed if installed.is_dir() else package.parents[1] / "templates" / name
