"""How a command is declared: a function of a :class:`Session`, given the options that all commands share."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

import typer

from fsictl.cli.options import COMMON, DEFAULTS, CommonOptions


def group(name: str, text: str) -> typer.Typer:
    """A group of commands, such as ``stream``."""
    return typer.Typer(name=name, help=text, no_args_is_help=True, rich_markup_mode="rich")


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function ``f(session, …)`` as a command of ``app``; its docstring is the help text.

    The command also takes the common options, which win over those given before the command's name.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        hints = typing.get_type_hints(function, include_extras=True)
        own = list(inspect.signature(function).parameters.values())[1:]

        @functools.wraps(function)
        def run(context: typer.Context, **given: Any) -> None:
            from fsictl.cli.session import Session

            common = CommonOptions(**{key: given.pop(key) for key in COMMON})
            outer = context.find_root().obj
            function(Session(common.over(outer) if isinstance(outer, CommonOptions) else common), **given)

        parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
        parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own]
        parameters += [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[key], annotation=kind)
            for key, kind in COMMON.items()
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        del run.__wrapped__  # or typer would read the inner signature
        app.command(name)(run)
        return function

    return register
