"""Google Cloud for commands: the parts of the backend, made from settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fsictl import __version__
from fsictl.cli.pipelines import NAMES
from fsictl.clock import Clock
from fsictl.settings.schema import GcpSettings, Settings

if TYPE_CHECKING:
    from fsictl.backends.gcp.artifacts import GcsArtifacts
    from fsictl.backends.gcp.checks import Check
    from fsictl.backends.gcp.control import Access
    from fsictl.backends.gcp.engine import DataflowEngine, Program
    from fsictl.backends.gcp.objects import Objects
    from fsictl.backends.gcp.pubsub import PubSubMessenger
    from fsictl.backends.gcp.vertex import VertexRegistry
    from fsictl.backends.gcp.warehouse import BigQueryWarehouse
    from fsictl.ports.messenger import Channel


_WORKLOAD_WITHIN = 3900.0
"""Seconds that a workload may take; Terraform gives it an hour, and its container comes up before that."""


@dataclass
class Cloud:
    """Messenger, tables and model files on Google Cloud, or on the emulators that the environment names."""

    settings: GcpSettings
    environment: Mapping[str, str]
    clock: Clock

    @cached_property
    def access(self) -> Access:
        """The project, and as whom it is asked."""
        from fsictl.backends.gcp.control import Access

        return Access.of(self.settings.project, self.environment, self.clock)

    @cached_property
    def _objects(self) -> Objects:
        from fsictl.backends.gcp.names import bucket_name
        from fsictl.backends.gcp.objects import Objects

        gcp = self.settings
        return Objects.of(self.access, bucket_name(gcp.bucket, self.access.project, gcp.prefix), self.environment)

    @cached_property
    def messenger(self) -> PubSubMessenger:
        """Topics of Pub/Sub; where pipelines stand is kept in the bucket."""
        from fsictl.backends.gcp.clients import publisher_client, subscriber_client
        from fsictl.backends.gcp.pubsub import PubSubMessenger

        publisher = publisher_client(self.access, self.environment)
        subscriber = subscriber_client(self.access, self.environment)
        return PubSubMessenger(
            self.access,
            publisher,
            subscriber,
            self._objects,
            prefix=self.settings.prefix,
            one_row=self.settings.sink == "subscription",
        )

    @cached_property
    def warehouse(self) -> BigQueryWarehouse:
        """Tables of BigQuery."""
        from fsictl.backends.gcp.clients import bigquery_client, bigquery_read_client
        from fsictl.backends.gcp.warehouse import BigQueryWarehouse

        return BigQueryWarehouse(
            self.access,
            bigquery_client(self.access, self.environment),
            self.settings.dataset,
            open_sink=self._open_sink,
            reader=lambda: bigquery_read_client(self.access, self.environment),
        )

    def _open_sink(self, *arguments: Any, **named: Any) -> Channel:
        """Only the sink needs a messenger beside the tables."""
        return self.messenger.open(*arguments, **named)

    @cached_property
    def artifacts(self) -> GcsArtifacts:
        """Model files in the bucket."""
        from fsictl.backends.gcp.artifacts import GcsArtifacts

        return GcsArtifacts(self._objects, fresh=1.0)


def dataflow_engine(
    settings: Settings, environment: Mapping[str, str], clock: Clock, say: Callable[[str], None]
) -> DataflowEngine:
    """The engine of Dataflow jobs; Apache Beam is imported when one is launched."""
    from fsictl.backends.gcp.control import Access, needs_gcp
    from fsictl.backends.gcp.engine import DataflowEngine
    from fsictl.backends.gcp.jobs import DataflowJobs
    from fsictl.backends.gcp.objects import Objects
    from fsictl.backends.gcp.options import JobOptions

    gcp = settings.gcp
    access = Access.of(gcp.project, environment, clock)
    options = JobOptions.of(gcp, access.project, __version__)

    def program(name: str) -> Program:
        with needs_gcp():
            from fsictl.cli import beam
        return beam.program(name, settings, options, access)

    return DataflowEngine(
        DataflowJobs(access, gcp.region),
        Objects.of(access, options.bucket, environment),
        options,
        program,
        clock,
        pipelines=[name for name in NAMES if name != "sink" or gcp.sink == "dataflow"],
        version=__version__,
        by_template=gcp.launch == "template",
        say=say,
    )


def vertex_registry(settings: Settings, environment: Mapping[str, str], clock: Clock) -> VertexRegistry:
    """The registry of Vertex AI, and its endpoint."""
    from fsictl.backends.gcp.artifacts import GcsArtifacts
    from fsictl.backends.gcp.control import Access, needs_gcp
    from fsictl.backends.gcp.names import account_email, bucket_name, endpoint_name, image, model_id
    from fsictl.backends.gcp.objects import Objects

    with needs_gcp():
        from fsictl.backends.gcp.vertex import VertexPlace, VertexRegistry
    gcp = settings.gcp
    access = Access.of(gcp.project, environment, clock)
    place = VertexPlace(
        f"projects/{access.project}/locations/{gcp.region}",
        model_id(gcp.prefix),
        endpoint_name(gcp.prefix),
        image(gcp.region, access.project, gcp.prefix, "serving", gcp.image_tag or __version__),
        account_email(access.project, gcp.prefix, "worker"),
    )
    files = GcsArtifacts(Objects.of(access, bucket_name(gcp.bucket, access.project, gcp.prefix)))
    return VertexRegistry(access, place, files.uri)


def cloud_checks(settings: Settings, environment: Mapping[str, str], clock: Clock) -> list[Check]:
    """What must hold on Google Cloud, as `fsictl doctor` shows it; asked for twice at most, so that it answers soon."""
    from fsictl.backends.gcp import checks
    from fsictl.backends.gcp.control import Access
    from fsictl.backends.gcp.names import READERS
    from fsictl.backends.gcp.options import JobOptions

    gcp = settings.gcp
    access = replace(Access.of(gcp.project, environment, clock), tries=2)
    options = JobOptions.of(gcp, access.project, __version__)
    jobs = len(NAMES) if gcp.sink == "dataflow" else len(NAMES) - 1
    return list(checks.cloud_checks(access, options, READERS, jobs))


def run_workload(
    settings: Settings,
    environment: Mapping[str, str],
    clock: Clock,
    workload: str,
    arguments: Sequence[str],
    say: Callable[[str], None],
) -> str:
    """Execute the Cloud Run job of a workload, wait for its end, and return the execution's name."""
    from fsictl.backends.gcp.cloud_run import run_job
    from fsictl.backends.gcp.control import Access

    gcp = settings.gcp
    access = Access.of(gcp.project, environment, clock)
    return run_job(access, gcp.region, f"{gcp.prefix}-{workload}", arguments, within=_WORKLOAD_WITHIN, say=say)
