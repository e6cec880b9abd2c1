"""Asking before something that cannot be taken back."""

from __future__ import annotations

import sys

from fsictl.cli.session import Session
from fsictl.errors import UsageError


def confirm(session: Session, question: str, *, yes: bool) -> bool:
    """Whether to go on: asked on a terminal; without one ``yes`` must have been given (``UsageError``)."""
    if yes:
        return True
    if session.output.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        message = "without a terminal nobody can be asked"
        raise UsageError(message, hint="Look at `fsictl infra plan`, then give --yes.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
