"""Google Cloud for commands: the parts of the backend, made from settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from fsictl import __version__
from fsictl.cli.pipelines import NAMES
from fsictl.clock import Clock
from fsictl.settings.schema import Settings

if TYPE_CHECKING:
    from fsictl.backends.gcp.checks import Check
    from fsictl.backends.gcp.engine import DataflowEngine, Program
    from fsictl.backends.gcp.vertex import VertexRegistry


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
