"""The list of commands, whose modules are imported only when a command is called: help answers at once."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "Begin": {
        "demo": "Run the whole system here: prices, a first model, verdicts, the live page.",
        "init": "Write fsictl.toml with every setting, and make the state folder.",
        "doctor": "Check what fsictl needs here, and say how to get what is missing.",
        "infra": "Make, park and remove what the target stands on, and see what it costs.",
    },
    "Run": {
        "generate": "Publish prices: simulated ones, or files of real ones.",
        "stream": "Run the pipelines sink, metrics and infer in the background.",
        "metrics": "Compute and show bars, averages, deviations, RSI and bands.",
        "train": "Train a model version on stored metrics, or show past runs.",
        "sql": "Make the marts of a day with dbt: reliability of signals, clients (RFM).",
        "job": "Ask for workloads by message, and see what became of them.",
        "orchestrator": "Ask for workloads when they are due, wait, check, and raise the alarm.",
        "invoker": "Let programs ask for workloads over HTTP.",
        "infer": "Say when the RSI cannot be trusted: live, or for stored metrics.",
    },
    "Look": {
        "status": "Show what runs here, how far it is, the model, the newest prices.",
        "dashboard": "Serve the live page until Ctrl-C.",
        "alerts": "See when an RSI signal could not be trusted.",
        "dead-letter": "See what could not be used, try it again, or drop it.",
        "model": "Look at model versions and their data, and choose the one that scores.",
        "query": "Run read-only SQL on the tables.",
        "export": "Write a table to a Parquet, CSV or JSON lines file.",
    },
    "Check": {
        "verify": "Prove that engines agree: the same prices, the same rows.",
    },
}
"""Every command by section, with the line that the help shows."""

_MODULES = {"init": "workspace", "doctor": "workspace", "dead-letter": "dead_letter"}


class LazyGroup(TyperGroup):
    """The program's commands, each imported from its module in ``fsictl.cli`` when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, in the order of the help."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, ``None`` if there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode="rich")
        import_module(f"fsictl.cli.{_MODULES.get(cmd_name, cmd_name)}").register(app)
        return typer.main.get_group(app).commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without importing any."""
        for heading, section in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl(list(section.items()))
