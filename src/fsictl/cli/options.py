"""The options that every command takes, before or after its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

Workspace = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="Work in this directory.", rich_help_panel="Common options"),
]
Target = Annotated[
    str | None,
    typer.Option("--target", metavar="NAME", help="Where to run: local, gcp.", rich_help_panel="Common options"),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else on stdout.", rich_help_panel="Common options")
]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Show the traceback of a bug.", rich_help_panel="Common options")
]

COMMON: dict[str, Any] = {"workspace": Workspace, "target": Target, "json": Json, "verbose": Verbose}
DEFAULTS: dict[str, Any] = {"workspace": None, "target": None, "json": False, "verbose": False}


def finite(value: float | None) -> float | None:
    """The number an option was given; neither infinite nor no number at all."""
    if value is not None and not math.isfinite(value):
        message = f"{value} is not a finite number."
        raise typer.BadParameter(message)
    return value


@dataclass(slots=True, kw_only=True)
class CommonOptions:
    """What was given for them."""

    workspace: Path | None = None
    target: str | None = None
    json: bool = False
    verbose: bool = False

    def over(self, outer: CommonOptions) -> CommonOptions:
        """These options, and those of ``outer`` (given before the command's name) where these are silent."""
        return CommonOptions(
            workspace=self.workspace or outer.workspace,
            target=self.target or outer.target,
            json=self.json or outer.json,
            verbose=self.verbose or outer.verbose,
        )
