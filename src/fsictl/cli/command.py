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


def command(
    app: typer.Typer, name: str, *, hidden: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function ``f(session, …)`` as a command of ``app``; its docstring is the help text.

    The command also takes the common options, which win over those given before the command's name. A ``hidden`` one is
    for programs, and no help lists it.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        app.command(name, hidden=hidden)(_with_session(function))
        return function

    return register


def default_command(app: typer.Typer) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register ``f(session, …)`` as what a group does when none of its commands is named."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        app.callback(invoke_without_command=True)(_with_session(function))
        return function

    return register


def _with_session(function: Callable[..., None]) -> Callable[..., None]:
    """``function`` as Typer calls it: given a context and all options, it makes the session."""
    hints = typing.get_type_hints(function, include_extras=True)
    own = list(inspect.signature(function).parameters.values())[1:]

    @functools.wraps(function)
    def run(context: typer.Context, **given: Any) -> None:
        from fsictl.cli.session import Session

        common, outer = CommonOptions(**{key: given.pop(key) for key in COMMON}), context.obj
        if isinstance(outer, CommonOptions):
            common = common.over(outer)
        if context.invoked_subcommand is None:
            session = Session(common)
            try:
                function(session, **given)
            finally:
                session.close()
        else:
            context.obj = common

    parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    parameters += [one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name]) for one in own]
    parameters += [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS[key], annotation=kind)
        for key, kind in COMMON.items()
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    del run.__wrapped__  # or typer would read the inner signature
    return run
