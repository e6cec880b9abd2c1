"""What one command knows: workspace, settings, clock, output, and the backend that the target names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from fsictl.cli.options import CommonOptions
from fsictl.cli.output import Output
from fsictl.clock import Clock, SystemClock
from fsictl.errors import InputError, PreconditionError, SettingsError, StorageError, UsageError
from fsictl.settings.load import FILE_NAME, Given, LoadedSettings, load_settings
from fsictl.settings.schema import Settings

if TYPE_CHECKING:
    from fsictl.backends.gcp.engine import DataflowEngine
    from fsictl.backends.local.engine import LocalEngine
    from fsictl.backends.local.policy import Policy
    from fsictl.backends.relational.database import RelationalDatabase
    from fsictl.cli.cloud import Cloud
    from fsictl.ports.artifacts import Artifacts
    from fsictl.ports.engine import Engine
    from fsictl.ports.messenger import Messenger, PipelineProgress
    from fsictl.ports.registry import ModelRegistry
    from fsictl.ports.warehouse import Warehouse
    from fsictl.sql.project import SqlProject

STATE_FOLDER = ".fsictl"
_HOUR_MS = 3_600_000
_SQL_PATIENCE = 600.0
"""Seconds that a run of the SQL waits for another one."""


@dataclass
class Session:
    """The surroundings of one command; only here is a backend chosen."""

    common: CommonOptions
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Clock = field(default_factory=SystemClock)
    flags: dict[str, Given] = field(default_factory=dict)

    @cached_property
    def output(self) -> Output:
        """Where data and talk go."""
        return Output(as_json=self.common.json)

    @cached_property
    def workspace(self) -> Path:
        """The working directory that the command is about."""
        return (self.common.workspace or Path(self.environment.get("FSICTL_WORKSPACE") or ".")).absolute()

    @property
    def root(self) -> Path:
        """The folder in which the local state lives; it need not exist."""
        return self.workspace / STATE_FOLDER

    def set(self, key: str, value: object, flag: str) -> None:
        """Let a flag of the command set the setting ``key``, if it was given (is not ``None``)."""
        if value is not None:
            self.flags[key] = Given(value, flag)

    @cached_property
    def loaded(self) -> LoadedSettings:
        """The settings in force; set flags before the first look."""
        self.set("target", self.common.target, "--target")
        return load_settings(self.workspace / FILE_NAME, self.environment, self.flags)

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.loaded.settings

    @property
    def lasting_settings(self) -> Settings:
        """The settings that other commands here have: without what this one's flags say."""
        return load_settings(self.workspace / FILE_NAME, self.environment).settings

    @contextmanager
    def checking(self, key: str) -> Iterator[None]:
        """Let what is wrong with the value of a setting be told with its name, value and origin."""
        try:
            yield
        except (InputError, UsageError, SettingsError) as error:
            section, _, name = key.rpartition(".")
            value = getattr(getattr(self.settings, section), name)
            message = f"{key} is {value!r} (from {self.loaded.origins[key]}): {error}"
            raise SettingsError(message, hint=error.hint) from error

    def check_settings(self) -> None:
        """Raise ``SettingsError`` now for settings that are wrong, rather than in a log later."""
        _ = self.loaded

    def need_workspace(self) -> None:
        """Raise ``PreconditionError`` when there is no local state yet, so that reading says what to do first.

        Google Cloud needs none.
        """
        if not self.root.is_dir() and not self.is_cloud:
            message = f"there is no fsictl workspace in {self.workspace}"
            hint = "Run `fsictl demo` to see everything at work, or `fsictl init` to start your own here."
            raise PreconditionError(message, hint=hint)

    def make_workspace(self) -> None:
        """Make the state folder, closed to other users; ``StorageError`` when the directory does not allow it."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"the workspace {self.root} cannot be made: {error.strerror}"
            raise StorageError(message, hint="Use a directory that you may write to: --workspace DIR.") from error

    @cached_property
    def policy(self) -> Policy:
        """How the files of the local target are kept."""
        from fsictl.backends.local.policy import Policy, Synchronous

        kept, tables = self.settings.retention, ("prices", "metrics", "reconerr")
        days = {table: getattr(kept, f"{table}_days") for table in tables}
        return Policy(
            Synchronous(self.settings.stream.synchronous),
            topics_ms=None if kept.topic_hours is None else round(kept.topic_hours * _HOUR_MS),
            dead_letters_ms=None if kept.dead_letter_days is None else round(kept.dead_letter_days * 24 * _HOUR_MS),
            tables_ms={table: round(age * 24 * _HOUR_MS) for table, age in days.items() if age is not None},
        )

    def need_this_machine(self, what: str, *, instead: str) -> None:
        """Raise ``PreconditionError`` on another target, for what only runs here; ``instead`` is what to do there."""
        if self.is_cloud:
            message = f"{what} runs on this machine only, and the target is {self.settings.target}"
            raise PreconditionError(message, hint=instead)

    @cached_property
    def cloud(self) -> Cloud:
        """The data services of the target ``gcp``."""
        from fsictl.cli.cloud import Cloud

        return Cloud(self.settings.gcp, self.environment, self.clock)

    @cached_property
    def messenger(self) -> Messenger:
        """The target's messenger."""
        if self.is_cloud:
            return self.cloud.messenger
        from fsictl.backends.local.messenger import LocalMessenger

        return LocalMessenger(self.root, self.clock, poll=self.settings.stream.poll, policy=self.policy)

    @cached_property
    def warehouse(self) -> Warehouse:
        """The target's warehouse."""
        tables = self.cloud.warehouse if self.is_cloud else self._local_warehouse
        if self._registry is None:
            return tables
        from fsictl.backends.relational.warehouse import RegisteredWarehouse

        return RegisteredWarehouse(tables, self._registry)

    @property
    def _local_warehouse(self) -> Warehouse:
        from fsictl.backends.local.warehouse import LocalWarehouse

        return LocalWarehouse(self.root, self.clock, poll=self.settings.stream.poll, policy=self.policy)

    @cached_property
    def artifacts(self) -> Artifacts:
        """The target's store of model versions."""
        files = self.cloud.artifacts if self.is_cloud else self._local_artifacts
        if self._registry is None:
            return files
        from fsictl.backends.relational.artifacts import RegisteredArtifacts

        return RegisteredArtifacts(files, self._registry, self.clock, fresh_for=1.0)

    @property
    def _local_artifacts(self) -> Artifacts:
        from fsictl.backends.local.artifacts import LocalArtifacts

        return LocalArtifacts(self.root)

    @cached_property
    def _registry(self) -> RelationalDatabase | None:
        """The database of versions, if one is set."""
        if self.settings.model.registry is None:
            return None
        from fsictl.backends.relational.registry import registry

        return registry(self.settings.model.registry, folder=self.workspace)

    def close(self) -> None:
        """Give back what others may wait for: connections to the registry, if there are some."""
        registry = self.__dict__.get("_registry")  # only if it was asked for
        if registry is not None:
            registry.close()

    @property
    def is_cloud(self) -> bool:
        """Whether the target is Google Cloud."""
        return self.settings.target == "gcp"

    @property
    def engine(self) -> Engine:
        """The target's engine."""
        return self.dataflow if self.is_cloud else self.local_engine

    @cached_property
    def local_engine(self) -> LocalEngine:
        """The engine that runs pipelines as processes of this machine."""
        from fsictl.backends.local.engine import LocalEngine

        return LocalEngine(self.root, self._foreground, self.clock)

    @cached_property
    def sql_project(self) -> SqlProject:
        """The SQL models on the target's database."""
        from fsictl.sql.project import bigquery_project, duckdb_project

        gcp = self.settings.gcp
        if self.settings.target == "gcp" and gcp.project is not None:
            return bigquery_project(self.root / "sql", project=gcp.project, dataset=gcp.dataset, location=gcp.region)
        return duckdb_project(self.root / "sql", self.warehouse, alone=self._sql_alone)

    @contextmanager
    def _sql_alone(self) -> Iterator[None]:
        from fsictl.backends.local.layout import Layout
        from fsictl.backends.local.lock import Lock

        lock = Lock.acquire(Layout(self.root).lock("sql"), "the SQL runner", self.clock, patience=_SQL_PATIENCE)
        try:
            yield
        finally:
            lock.release()

    @cached_property
    def dataflow(self) -> DataflowEngine:
        """The engine that runs pipelines as Dataflow jobs; ``PreconditionError`` on another target."""
        from fsictl.cli.cloud import dataflow_engine

        if not self.is_cloud:
            message = f"the target {self.settings.target} has no Dataflow jobs"
            raise PreconditionError(message, hint="Say where: --target gcp.")
        return dataflow_engine(self.settings, self.environment, self.clock, self.output.say)

    @cached_property
    def model_registry(self) -> ModelRegistry | None:
        """The registry beside our own store in which versions are listed, where the target has one."""
        if not self.is_cloud:
            return None
        from fsictl.cli.cloud import vertex_registry

        return vertex_registry(self.settings, self.environment, self.clock)

    def _foreground(self, pipeline: str) -> list[str]:
        """The command line that runs a pipeline, or the worker, in a process of its own."""
        if pipeline == "workloads":
            return self.command("job", "worker")
        return self.command("stream", "start", "--foreground", "--only", pipeline)

    def command(self, *arguments: str) -> list[str]:
        """The command line of this program in this workspace; ``-P`` keeps modules of the directory out of it."""
        return [sys.executable, "-P", "-m", "fsictl", "--workspace", str(self.workspace), *arguments]

    def log(self, process: str) -> IO[bytes]:
        """The log of a process beside the pipelines, for appending; ``fsictl stream logs`` reads those."""
        folder = self.root / "logs"
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / f"{process}.log"
        return open(file, "ab", opener=lambda path, flags: os.open(path, flags, 0o600))

    def progress(self, pipeline: str) -> PipelineProgress | None:
        """How far a pipeline of this workspace is; ``None`` when it never committed."""
        return self.messenger.progress(pipeline)
