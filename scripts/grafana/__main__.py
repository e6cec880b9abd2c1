"""Write the dashboards under templates/grafana, or check that they are what this program writes.

``python -m scripts.grafana [--check]``. It needs grafana-foundation-sdk, which ``pip install -e '.[test]'`` brings.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from scripts.grafana.dashboards import DASHBOARDS, built
from scripts.grafana.sources import BigQuery, Local

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "grafana"


def files() -> dict[Path, str]:
    """Every file with its text."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    return {
        FOLDER / source.name / "dashboards" / f"{name}.json": encoder.encode(built(name, source)) + "\n"
        for source in (BigQuery(), Local())
        for name in DASHBOARDS
    }


def main() -> None:
    """Write, or with ``--check`` exit with 1 and the names of those that differ."""
    texts = files()
    if "--check" not in sys.argv[1:]:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return
    stale = [file for file, text in texts.items() if not file.is_file() or file.read_text(encoding="utf-8") != text]
    stray = [file for file in FOLDER.glob("*/dashboards/*.json") if file not in texts]
    for file in (*stale, *stray):
        print(f"{file.relative_to(FOLDER.parents[1])} is not what `python -m scripts.grafana` writes")
    sys.exit(bool(stale or stray))


if __name__ == "__main__":
    main()
