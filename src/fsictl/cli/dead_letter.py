"""``fsictl dead-letter``: what could not be used, with its reason and its original bytes."""

from __future__ import annotations

from typing import Annotated

import typer

from fsictl.cli.command import command, group
from fsictl.cli.output import time_text
from fsictl.cli.session import Session
from fsictl.records.schemas import DEAD_LETTER_TOPIC

app = group("dead-letter", "See what could not be used: late ticks, malformed messages, bad lines of files.")

_SHOWN_BYTES = 80
_AT_ONCE = 1000


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@app.callback()
def dead_letter() -> None:
    """See what could not be used: late ticks, malformed messages, bad lines of files."""


@command(app, "list")
def list_(
    session: Session,
    reason: Annotated[str | None, typer.Option(help="Only this reason: late, malformed, bad-value, …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many of the newest.")] = 50,
) -> None:
    """List dead letters, the newest last: where each was found, why it was not used, its bytes."""
    session.need_workspace()
    rows: list[dict[str, object]] = []
    after: str | None = None
    while received := session.messenger.read(DEAD_LETTER_TOPIC, after, _AT_ONCE):
        after = received[-1].id
        for item in received:
            attributes = item.message.attributes
            if reason in {None, attributes.get("reason")}:
                row: dict[str, object] = {name: attributes.get(name) for name in ("reason", "detail", "origin")}
                rows.append({**row, "published_ms": item.published_ms, "data": item.message.data})
        del rows[:-limit]
    for row in rows:
        data = bytes(row["data"]) if isinstance(row["data"], bytes) else b""
        row["data"] = data.decode("utf-8", "backslashreplace")
        row["kept"] = time_text(row["published_ms"] if isinstance(row["published_ms"], int) else None)
        row["beginning"] = str(row["data"])[:_SHOWN_BYTES]
    session.output.rows(
        rows,
        {"kept": "kept (UTC)", "reason": "reason", "origin": "found in", "detail": "why", "beginning": "bytes"},
        empty="Nothing: everything could be used.",
    )
