"""How a plan and the work on it look: a table, a bar on a terminal, plain lines without one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from fsictl.cli.output import Output, counted
from fsictl.errors import FsictlError
from fsictl.infra.changes import Action, summary, totals
from fsictl.infra.cloud import Verb
from fsictl.infra.events import Diagnostic, Step
from fsictl.infra.failures import left_out
from fsictl.infra.process import ENOUGH
from fsictl.infra.terraform import Plan, Terraform

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


def show_plan(output: Output, plan: Plan, verb: Verb) -> None:
    """The summary of a plan as a table; nothing with ``--json``."""
    if output.as_json or plan.is_empty:
        return
    rows = summary(plan.changes)
    sums: dict[str, int] = totals(plan.changes)
    total = {"type": "all", **{key: sums[key] for key in ("create", "change", "replace", "destroy")}}
    columns = {"type": "resource", "create": "create", "change": "change", "replace": "replace", "destroy": "destroy"}
    output.rows([*rows, total], columns, title=f"fsictl infra {verb.value}")


def plan_document(plan: Plan, verb: Verb) -> dict[str, Any]:
    """The plan as plain values."""
    return {
        "verb": verb.value,
        "summary": totals(plan.changes),
        "changes": [{"action": one.action.value, "type": one.type, "address": one.address} for one in plan.changes],
    }


def steps_of(plan: Plan) -> int:
    """How many steps the work on a plan has: to replace is to destroy and to create."""
    return sum(2 if one.action is Action.REPLACE else 1 for one in plan.changes)


def interrupted(output: Output, number: int) -> None:
    """What a Ctrl-C does, and what another one would do."""
    if number == 1:
        output.say(
            "Terraform ends what it has begun, so that nothing is made that it does not know of and the state is not"
            " left locked. This can take minutes."
        )
    elif number < ENOUGH:
        output.say(
            "Still ending what was begun. Another Ctrl-C ends Terraform at once: then the state may stay locked, and"
            " what was being made may be there without being known."
        )
    else:
        output.say(
            "Ended at once. If the state stays locked, the next command says how to free it; what is there and not in"
            " the state shows as already existing, and has to be deleted or imported."
        )


def said_in_full(output: Output, errors: Sequence[Diagnostic], told: FsictlError) -> None:
    """What Terraform and the cloud said in their own words, where our sentence leaves something out."""
    for one in left_out(errors, told):
        where = f" ({one.address or one.place})" if one.address or one.place else ""
        output.say(f"Terraform says{where}: {one.summary.rstrip('.')}. {one.detail}".strip())


_WORDS = {"create": "created", "update": "changed", "delete": "destroyed", "replace": "replaced"}


class Steps:
    """Shows Terraform's steps while it works; ``total`` is how many there will be, if that is known."""

    def __init__(self, output: Output, terraform: Terraform, text: str, *, total: int | None) -> None:
        self._output, self._terraform, self._text, self._total = output, terraform, text, total
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._done, self._working = 0, dict[str, None]()

    def __enter__(self) -> Steps:
        if sys.stderr.isatty():
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
            )

            how_far = () if self._total is None else (BarColumn(), MofNCompleteColumn())
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                *how_far,
                TimeElapsedColumn(),
                console=self._output.talk,
                transient=True,
            )
            self._task = self._bar.add_task(self._text, total=self._total)
            self._bar.start()
        elif self._total is not None:
            self._output.say(f"{self._text}: {counted(self._total, 'change')}.")
        self._terraform.on_step = self._on_step
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._terraform.on_step = lambda _: None
        if self._bar is not None:
            self._bar.stop()

    def _on_step(self, step: Step) -> None:
        if step.state == "started":
            self._working[step.address] = None
        elif step.state in {"done", "failed"}:
            self._working.pop(step.address, None)
            self._done += step.state == "done"
            word = _WORDS.get(step.action, step.action) if step.state == "done" else f"{step.action} failed"
            took = f" ({step.seconds} s)" if step.seconds else ""
            if self._total is not None:
                self._say(f"{step.address}: {word}{took}")
        elif step.state == "going on" and self._bar is None:
            self._say(f"{step.address}: still at it after {step.seconds} s")
        if self._bar is not None and self._task is not None:
            now = next(iter(self._working), "")
            self._bar.update(self._task, completed=self._done, description=f"{self._text} {now}".rstrip())

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
