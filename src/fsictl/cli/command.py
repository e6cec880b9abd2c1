"""How a command is declared: a function of a :class:`Session`, given the options that all commands share."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from fsictl.cli.session import CommonOptions, Session

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="Work in this directory.", rich_help_panel="Common options"),
]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="NAME", help="Where to run: local.", rich_help_panel="Common options"),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else on stdout.", rich_help_panel="Common options")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Show the traceback of a bug.", rich_help_panel="Common options")
]

_COMMON: dict[str, Any] = {"workspace": Workspace, "target": Target, "json": Json, "verbose": Verbose}
_DEFAULTS: dict[str, Any] = {"workspace": None, "target": None, "json": False, "verbose": False}


def group(name: str, text: str) -> typer.Typer:
    """A group of commands, such as ``stream``."""
    return typer.Typer(name=name, help=text, no_args_is_help=True, rich_markup_mode="rich")


def command(
    app: typer.Typer, name: str, *, hidden: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function ``f(session, …)`` as a command of ``app``; its docstring is the help text.

    The command also takes the common options, which win over those given before the command's name.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        hints = typing.get_type_hints(function, include_extras=True)
        own = list(inspect.signature(function).parameters.values())[1:]

        @functools.wraps(function)
        def run(context: typer.Context, **given: Any) -> None:
            common = CommonOptions(**{key: given.pop(key) for key in _COMMON})
            outer = context.find_root().obj
            function(Session(common.over(outer) if isinstance(outer, CommonOptions) else common), **given)

        parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own]
        parameters += [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=_DEFAULTS[key], annotation=kind)
            for key, kind in _COMMON.items()
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        del run.__wrapped__  # or typer would read the inner signature
        app.command(name, hidden=hidden)(run)
        return function

    return register
