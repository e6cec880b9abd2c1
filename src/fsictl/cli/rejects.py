"""What could not be used of an input file, kept beside the output when there is no dead-letter topic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fsictl.records.message import Reject


def write_rejects(out: Path, rejects: Sequence[Reject]) -> Path:
    """Write one JSON object per reject to ``OUT.rejects.jsonl`` and return that path."""
    file = out.with_name(out.name + ".rejects.jsonl")
    with file.open("w", encoding="utf-8") as stream:
        for reject in rejects:
            row = {"reason": reject.reason, "detail": reject.detail, "origin": reject.origin}
            stream.write(json.dumps({**row, "data": reject.data.decode("utf-8", "backslashreplace")}) + "\n")
    return file
