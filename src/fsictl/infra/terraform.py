"""Terraform's commands, over python-terraform, as this program uses them.

python-terraform 0.10.1 builds the command lines. It is older than Terraform 1: its ``destroy`` passes a flag that is
gone, its ``apply`` waits for an answer that nobody can give, and what Terraform says is only there in the end. So
commands are run here: always without questions, with Terraform's JSON events as they come.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fsictl.errors import FsictlError, MissingExtraError
from fsictl.infra.changes import Change, changes_of
from fsictl.infra.events import Diagnostic, Step, decoded, from_text
from fsictl.infra.failures import Doing, ended_from_outside, explained
from fsictl.infra.process import Ended, ignore_interrupts, run_process
from fsictl.infra.program import Program

_EXPECTED = (
    "Resource targeting is in effect",
    "Applied changes may be incomplete",
    "Incomplete lock file information for providers",
)
"""Warnings about what is asked for on purpose."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource that is there or is to be there, with its attributes as Terraform knows them."""

    address: str
    type: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was made and can be applied: what it changes, and what is there after it."""

    file: Path
    changes: tuple[Change, ...]
    after: tuple[Resource, ...]
    before: tuple[Resource, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.changes


@dataclass
class Terraform:
    """Terraform in one folder. Every method raises what :func:`fsictl.infra.failures.explained` makes of a failure,
    and ``KeyboardInterrupt`` after a run that was interrupted and came to its end.
    """

    folder: Path
    program: Program
    environment: Mapping[str, str]
    var_files: Sequence[Path] = ()
    project: str = ""
    region: str = ""
    on_step: Callable[[Step], None] = lambda _: None
    on_warning: Callable[[Diagnostic], None] = lambda _: None
    on_failure: Callable[[Sequence[Diagnostic], FsictlError], None] = lambda *_: None
    on_interrupt: Callable[[int], None] = ignore_interrupts
    _warned: set[str] = field(default_factory=set)

    def init(self, backend: Mapping[str, str]) -> None:
        """Get the providers, and open the state where ``backend`` says."""
        self._run(Doing.INIT, "init", reconfigure=True, backend_config=dict(backend) or None, json=True)

    @contextmanager
    def plan(
        self, *, destroy: bool = False, variables: Mapping[str, Any] | None = None, targets: Sequence[str] = ()
    ) -> Iterator[Plan]:
        """What would be done to reach the configuration (``destroy``: to have nothing), of ``targets`` if given.

        The plan's file, which has secrets in it, is gone afterwards.
        """
        file = self.folder / f"plan-{os.getpid()}.tfplan"
        try:
            file.touch(mode=0o600)
            self._run(
                Doing.PLAN,
                "plan",
                json=True,
                out=str(file),
                destroy=destroy,
                var_file=[str(one) for one in self.var_files],
                var=dict(variables or {}) or None,
                target=list(targets),
            )
            shown = self._document("show", str(file))
            yield Plan(
                file,
                changes_of(shown.get("resource_changes", [])),
                () if destroy else _resources(shown.get("planned_values")),
                _resources((shown.get("prior_state") or {}).get("values")),
            )
        finally:
            file.unlink(missing_ok=True)

    def apply(self, plan: Plan) -> None:
        """Do what a plan says."""
        self._run(Doing.APPLY, "apply", str(plan.file), json=True)

    def outputs(self) -> dict[str, Any]:
        """The outputs of the configuration by name; those that are secret are left out."""
        return {name: one["value"] for name, one in self._document("output").items() if not one.get("sensitive")}

    def resources(self) -> tuple[Resource, ...]:
        """What is in the state, data sources aside."""
        return _resources(self._document("show").get("values"))

    def unlock(self, lock: str) -> None:
        """Free the lock of that id, whoever holds it."""
        ended = self._ended("force-unlock", lock, on_line=lambda _: None, force=True)
        if ended.code != 0:
            raise explained([from_text(ended.stderr)], Doing.READ, project=self.project, region=self.region)

    def _run(self, doing: Doing, name: str, *arguments: str, **options: Any) -> None:
        """Run a command that says everything in JSON events."""
        found: list[Diagnostic] = []

        def on_line(line: str) -> None:
            event = decoded(line)
            if isinstance(event, Step):
                self.on_step(event)
            elif event is not None:
                found.append(event)
                if (
                    event.severity != "error"
                    and event.text not in self._warned
                    and not event.summary.startswith(_EXPECTED)
                ):  # plan and apply say the same
                    self._warned.add(event.text)
                    self.on_warning(event)

        ended = self._ended(name, *arguments, on_line=on_line, **options)
        if ended.code < 0:
            raise ended_from_outside(-ended.code, doing)
        if ended.code != 0:
            errors = [one for one in found if one.severity == "error"] or [from_text(ended.stderr)]
            error = explained(errors, doing, project=self.project, region=self.region)
            self.on_failure(errors, error)
            raise error

    def _document(self, name: str, *arguments: str) -> dict[str, Any]:
        """Run a command that prints one JSON document."""
        lines: list[str] = []
        ended = self._ended(name, *arguments, on_line=lines.append, json=True)
        said = "\n".join(lines)
        if ended.code != 0:
            error = from_text(ended.stderr or said)
            raise explained([error], Doing.READ, project=self.project, region=self.region)
        found = json.loads(said[said.index("{") :])
        return found if isinstance(found, dict) else {}

    def _ended(self, name: str, *arguments: str, on_line: Callable[[str], None], **options: Any) -> Ended:
        builder = _command_lines(self.folder)
        flags = {key: _flag(value) for key, value in options.items()}
        try:
            command = builder.generate_cmd_string(name, *arguments, **flags)
            ended = run_process(
                [*self.program.command, *command[1:]],
                folder=self.folder,
                environment=self._environment(),
                on_line=on_line,
                on_interrupt=self.on_interrupt,
            )
        finally:
            builder.temp_var_files.clean_up()
        if ended.interrupts:
            raise KeyboardInterrupt
        return ended

    def _environment(self) -> dict[str, str]:
        """That of the caller (credentials, TF_CLI_CONFIG_FILE), with nothing that asks, colours or calls home."""
        return {**self.environment, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}


def _command_lines(folder: Path) -> Any:
    """python-terraform, for its command lines alone."""
    try:
        import python_terraform
    except ImportError:
        raise MissingExtraError(library="python-terraform", extra="gcp") from None

    class CommandLines(python_terraform.Terraform):  # type: ignore[misc]  # it has no types
        """Without its reading of state files: the state may be in a bucket, and it may be damaged."""

        def read_state_file(self, file_path: str | None = None) -> None:
            """Read nothing."""

    return CommandLines(working_dir=str(folder), terraform_bin_path="terraform")


def _flag(value: object) -> object:
    from python_terraform import IsFlagged, IsNotFlagged

    return {True: IsFlagged, False: IsNotFlagged}[value] if isinstance(value, bool) else value


def _resources(values: Mapping[str, Any] | None) -> tuple[Resource, ...]:
    """Every managed resource of a state or plan, those in modules too."""
    return tuple(_in_module((values or {}).get("root_module") or {}))


def _in_module(module: Mapping[str, Any]) -> Iterator[Resource]:
    for one in module.get("resources", []):
        if one.get("mode") == "managed":
            yield Resource(one["address"], one["type"], one.get("values") or {})
    for child in module.get("child_modules", []):
        yield from _in_module(child)
