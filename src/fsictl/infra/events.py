"""What Terraform says of itself, line by line (its machine-readable UI, version 1.x).

Source: developer.hashicorp.com/terraform/internals/machine-readable-ui.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or a warning: what is wrong, more about it, and the resource it is about, if any."""

    severity: str
    summary: str
    detail: str
    address: str = ""
    place: str = ""

    @property
    def text(self) -> str:
        """All of it, as one text to look things up in."""
        return f"{self.summary}\n{self.detail}\n{self.place}".strip()

    @property
    def sentence(self) -> str:
        """Summary and first line of the detail, in one line, without a full stop.

        >>> Diagnostic("warning", "Value for undeclared variable", "There is no variable x.\\n\\nMore.").sentence
        'Value for undeclared variable: There is no variable x'
        """
        detail = next((line.strip() for line in self.detail.splitlines() if line.strip()), "")
        parts = [self.summary.rstrip("."), *([detail] if detail and detail not in self.summary else [])]
        return " ".join(": ".join(parts).split()).strip(".: ")


@dataclass(frozen=True, slots=True)
class Step:
    """One resource while it is worked on: ``started``, ``going on``, ``done`` or ``failed``."""

    state: str
    address: str
    action: str
    seconds: int


_STATES = {
    "apply_start": "started",
    "apply_progress": "going on",
    "apply_complete": "done",
    "apply_errored": "failed",
    "refresh_complete": "read",
}


def decoded(line: str) -> Diagnostic | Step | None:
    """What a line says, ``None`` if it says nothing that we show; never an error, whatever the line is.

    >>> decoded('{"type": "apply_complete", "hook": {"resource": {"addr": "a.b"}, "action": "create",'
    ...         ' "elapsed_seconds": 3}}')
    Step(state='done', address='a.b', action='create', seconds=3)
    >>> decoded("not JSON") is None
    True
    """
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict):
        return None
    if isinstance(event.get("diagnostic"), dict):
        return _diagnostic(event["diagnostic"])
    state, hook = _STATES.get(str(event.get("type"))), event.get("hook")
    if state is None or not isinstance(hook, dict):
        return None
    resource = hook.get("resource")
    address = str(resource.get("addr", "")) if isinstance(resource, dict) else ""
    return Step(state, address, str(hook.get("action", "")), int(hook.get("elapsed_seconds") or 0))


def _diagnostic(found: Mapping[str, Any]) -> Diagnostic:
    where = found.get("range")
    place = ""
    if isinstance(where, dict):
        place = f"{where.get('filename', '')} line {(where.get('start') or {}).get('line', '?')}"
    return Diagnostic(
        str(found.get("severity", "error")),
        str(found.get("summary", "")).strip(),
        str(found.get("detail", "")).strip(),
        str(found.get("address") or ""),
        place,
    )


def from_text(stderr: str) -> Diagnostic:
    """The error of a command that has no JSON of its own, out of what it wrote to stderr.

    >>> from_text("\\nError: Failed to load state\\n\\nIt is damaged.\\n")
    Diagnostic(severity='error', summary='Failed to load state', detail='It is damaged.', address='', place='')
    """
    lines = [line.strip("│╷╵ ").rstrip() for line in stderr.splitlines()]
    said = [line for line in lines if line]
    at = next((number for number, line in enumerate(said) if line.startswith("Error: ")), 0)
    summary = said[at].removeprefix("Error: ") if said else "Terraform failed and did not say why"
    return Diagnostic("error", summary, "\n".join(said[at + 1 :]))
