"""``fsictl init`` and ``fsictl doctor``: begin a workspace, and see what is missing."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from typing import Annotated

import typer

from fsictl import __version__
from fsictl.backends.gcp.control import ENDPOINT_VARIABLE
from fsictl.backends.local.supervise import SUPERVISOR_VARIABLE
from fsictl.cli.command import command
from fsictl.cli.session import Session
from fsictl.errors import CheckFailedError, FsictlError, PreconditionError
from fsictl.settings.load import ENVIRONMENT_PREFIX, FILE_NAME, as_toml, keys

_LIBRARIES = (
    "typer",
    "rich",
    "numpy",
    "pyarrow",
    "apsw",
    "keras",
    "jax",
    "onnx",
    "onnxruntime",
    "starlette",
    "uvicorn",
)
_LEAST_FREE = 1_000_000_000
_OWN_VARIABLES = {"FSICTL_WORKSPACE", SUPERVISOR_VARIABLE, ENDPOINT_VARIABLE}


def register(parent: typer.Typer) -> None:
    """Add the commands to the program."""
    command(parent, "init")(init)
    command(parent, "doctor")(doctor)


def init(
    session: Session,
    force: Annotated[bool, typer.Option("--force", help="Write fsictl.toml anew when there is one.")] = False,
) -> None:
    """Write fsictl.toml with every setting and its meaning, and make the state folder .fsictl/."""
    file = session.workspace / FILE_NAME
    if file.exists() and not force:
        message = f"{file} is already there"
        raise PreconditionError(message, hint="Edit it, or write it anew with --force.")
    session.make_workspace()
    file.write_text(as_toml(), encoding="utf-8")
    session.output.say(f"Wrote {file}. Next: [bold]fsictl demo[/bold], or [bold]fsictl stream start[/bold].")
    session.output.document({"settings": str(file), "state": str(session.root)})


def doctor(session: Session) -> None:
    """Check what fsictl needs, here or on Google Cloud (--target gcp), and say how to get what is missing."""
    rows = [*_program(session), *_libraries(), *_settings(session), *_disk(session), *_variables(session)]
    if all(row["ok"] for row in rows if row["check"] == "settings") and session.is_cloud:
        rows += _cloud(session)
    session.output.rows(rows, {"check": "check", "ok": "ok", "found": "found", "do": "what to do"})
    wrong = [str(row["check"]) for row in rows if not row["ok"]]
    if wrong:
        message = f"not everything is as it should be: {', '.join(wrong)}"
        raise CheckFailedError(message, hint="The table says what to do.")


def _cloud(session: Session) -> list[dict[str, object]]:
    from fsictl.cli.cloud import cloud_checks

    try:
        checks = cloud_checks(session.settings, session.environment, session.clock)
        return [_row(one.name, one.ok, one.found, one.do) for one in checks]
    except FsictlError as error:
        return [_row("Google Cloud", False, str(error), error.hint)]


def _row(check: str, ok: bool, found: str, do: str = "") -> dict[str, object]:
    return {"check": check, "ok": ok, "found": found, "do": "" if ok else do}


def _program(session: Session) -> list[dict[str, object]]:
    version = platform.python_version()
    return [
        _row("fsictl", True, __version__),
        _row("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer."),
        _row("workspace", True, f"{session.root}{'' if session.root.is_dir() else ' (not made yet)'}"),
    ]


def _libraries() -> list[dict[str, object]]:
    rows = []
    for name in _LIBRARIES:
        try:
            rows.append(_row(name, True, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append(_row(name, False, "missing", "Install fsictl again, with pip install --force-reinstall."))
    return rows


def _settings(session: Session) -> list[dict[str, object]]:
    try:
        changed = {key: origin for key, origin in session.loaded.origins.items() if origin != "default"}
    except FsictlError as error:
        return [_row("settings", False, str(error), error.hint)]
    found = ", ".join(f"{key} from {origin}" for key, origin in changed.items()) or "all defaults"
    return [_row("settings", True, found)]


def _disk(session: Session) -> list[dict[str, object]]:
    place = session.root if session.root.exists() else session.workspace
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free"
    return [_row("disk", free >= _LEAST_FREE, found, "Free some space, or use another --workspace.")]


def _variables(session: Session) -> list[dict[str, object]]:
    known = {key.variable for key in keys()} | _OWN_VARIABLES
    strange = sorted(name for name in session.environment if name.startswith(ENVIRONMENT_PREFIX) and name not in known)
    return [_row("environment", not strange, ", ".join(strange) or "nothing strange", "No setting has that name.")]
