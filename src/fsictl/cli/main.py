"""The program ``fsictl``: its commands, and the one place where errors become sentences and exit codes."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Sequence

import typer

from fsictl import __version__
from fsictl.cli.lazy import LazyGroup
from fsictl.cli.options import CommonOptions, Json, Target, Verbose, Workspace
from fsictl.errors import INTERRUPTED, FsictlError, StorageError

ISSUES_PAGE = "the issue tracker of the project"

app = typer.Typer(
    name="fsictl",
    cls=LazyGroup,
    help="Live market metrics, and a model that says when the RSI cannot be trusted.",
    epilog="Begin with `fsictl demo`: the whole system on this machine, from nothing.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing Rich would double what help costs
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"fsictl {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    workspace: Workspace = None,
    target: Target = None,
    json: Json = False,
    verbose: Verbose = False,
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options given before the command's name."""
    context.obj = CommonOptions(workspace=workspace, target=target, json=json, verbose=verbose)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong is said on stderr, without a traceback."""
    _replace_closed()
    try:
        app(args=list(arguments), prog_name="fsictl")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer and Rich end a program whose reader has left
            return _end_quietly()
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _end_quietly()
    except Exception as error:  # the boundary: a bug of ours is one line, too
        return _said(error, verbose="--verbose" in arguments)
    return 0


def _replace_closed() -> None:
    """Stand in for a stdout or stderr that was closed, as with ``>&-``; let both take every character."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")  # what this encoding lacks is a question mark, and no error


def _end_quietly() -> int:
    """The reader of our output, such as ``head``, has seen enough."""
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # or Python complains at exit
    return 0


def _said(error: Exception, *, verbose: bool) -> int:
    known = _storage_error(error) if isinstance(error, OSError) else error
    if isinstance(known, FsictlError):
        return _report(str(known), known.hint, known.exit_code)
    if verbose:
        import traceback

        traceback.print_exception(error)
    line = f"{type(error).__name__}: {error}".splitlines()[0][:300]
    hint = f"Run it again with --verbose and report what it prints to {ISSUES_PAGE}."
    return _report(f"this is a bug of fsictl ({line})", hint, 1)


def _report(message: str, hint: str, exit_code: int) -> int:
    # A sentence begins with a capital; names of files and settings stay as they are.
    if re.match(r"[a-z]+( |$)", message) and "(from " not in message:
        message = message[0].upper() + message[1:]
    sys.stderr.write(f"Error: {message.rstrip('.')}.\n{hint}\n")
    return exit_code


_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR}


def _storage_error(error: OSError) -> StorageError | None:
    """The error as one that the user can mend, if it is about a disk or permissions."""
    if error.errno not in _STORAGE:
        return None
    where = f"{error.filename}: " if error.filename else ""
    hint = "Free some space, or use a directory that you may write to: --workspace DIR."
    return StorageError(f"{where}{error.strerror}", hint=hint)
