"""The engine on Google Cloud: every pipeline is a Dataflow job, at most one of its name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fsictl.backends.gcp.control import CloudRefusedError, needs_gcp
from fsictl.backends.gcp.graph import Graph, obstacles
from fsictl.backends.gcp.jobs import DataflowJobs, Job
from fsictl.backends.gcp.names import job_name
from fsictl.backends.gcp.objects import Objects
from fsictl.backends.gcp.options import JobOptions, label_value
from fsictl.backends.gcp.template import SNAPSHOT_PARAMETER
from fsictl.clock import Clock
from fsictl.errors import BusyError, PreconditionError, ServiceError
from fsictl.ports.engine import PipelineState, PipelineStatus

GRAPH_LABEL, VERSION_LABEL, PIPELINE_LABEL = "fsictl-graph", "fsictl-version", "pipeline"

START_WITHIN = 900.0
"""Seconds that a job has to come up: the launcher of a template alone takes some minutes."""

_LOOK_EVERY = 5.0
_SNAPSHOT_WITHIN = 900.0


@dataclass(frozen=True, slots=True)
class Program:
    """A pipeline as it can be launched: what it keeps, its Flex Template and the template's parameters.

    ``submit`` launches it from this machine with Beam's arguments, and returns the job's id.
    """

    graph: Graph
    template: dict[str, Any]
    parameters: dict[str, str]
    submit: Callable[[Sequence[str]], str]


class DataflowEngine:
    """Launches, replaces, drains and looks at the Dataflow jobs of the pipelines.

    ``program`` makes a pipeline's :class:`Program`; ``pipelines`` are those that run as jobs of their own; ``say``
    is told what is waited for, which takes minutes.
    """

    def __init__(
        self,
        jobs: DataflowJobs,
        objects: Objects,
        options: JobOptions,
        program: Callable[[str], Program],
        clock: Clock,
        *,
        pipelines: Sequence[str],
        version: str,
        by_template: bool,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._jobs, self._objects, self._options, self._program = jobs, objects, options, program
        self._clock, self._pipelines, self._version = clock, pipelines, version
        self._by_template, self._say = by_template, say

    def start(self, pipelines: Sequence[str], *, update: bool = False, snapshot: str | None = None) -> None:
        """Start these as jobs, and return when they run.

        A job that already runs is refused with ``BusyError``; with ``update`` it is replaced in place, if the new
        one can go on with what it keeps, and ``PreconditionError`` says why not. With ``snapshot`` (the id of one)
        the one pipeline begins with the state that was kept. Nothing is launched unless all of them can be.
        """
        if snapshot is not None and len(pipelines) != 1:
            message = "a snapshot is of one pipeline"
            raise PreconditionError(message, hint="Say which: --only metrics.")
        programs = {name: self._program(name) for name in pipelines}
        running = {name: self._replaceable(name, programs[name].graph, update=update) for name in pipelines}
        if snapshot is not None:
            self._wait_for_snapshot(snapshot)
        launched = {
            name: self._launch(name, program, update=running[name] is not None, snapshot=snapshot)
            for name, program in programs.items()
        }
        for name, job_id in launched.items():
            self._say(f"{name}: launched job {job_id}, which takes some minutes to come up")
            self._wait_until_up(name, job_id, running[name])

    def _replaceable(self, name: str, graph: Graph, *, update: bool) -> Job | None:
        """The running job that the new one will replace; ``None`` when none runs."""
        job = self._newest(name)
        if job is None or not job.is_active:
            return None
        if job.pipeline_state is PipelineState.DRAINING:
            message = f"{name} still drains (job {job.id})"
            raise BusyError(message, hint="Wait until `fsictl stream status` says that it stopped.")
        if not update:
            message = f"{name} already runs on Dataflow (job {job.id})"
            hint = "Replace it in place with `fsictl stream start --update`, or drain it with `fsictl stream stop`."
            raise BusyError(message, hint=hint)
        if job.pipeline_state is not PipelineState.RUNNING:
            message = f"{name} is just starting (job {job.id}) and cannot be replaced yet"
            raise BusyError(message, hint="Wait until `fsictl stream status` says that it runs.")
        self._check_compatible(name, job, graph)
        return job

    def _check_compatible(self, name: str, job: Job, graph: Graph) -> None:
        known = job.labels.get(GRAPH_LABEL)
        if known == graph.fingerprint:
            return
        stored = None if known is None else self._objects.read(_graph_object(known))
        if stored is None:  # a job of another program: Dataflow's own check says whether it can be replaced
            return
        found = obstacles(Graph.of_document(stored[0].decode()), graph)
        if found:
            message = f"{name} cannot be replaced in place: {'; '.join(found[:3])}"
            hint = f"Drain it and start anew, with an empty state: fsictl stream stop --only {name}."
            raise PreconditionError(message, hint=hint)

    def _launch(self, name: str, program: Program, *, update: bool, snapshot: str | None) -> str:
        graph = program.graph
        self._objects.write(_graph_object(graph.fingerprint), graph.document().encode())
        labels = {
            PIPELINE_LABEL: name,
            GRAPH_LABEL: graph.fingerprint,
            VERSION_LABEL: label_value(self._version),
        }
        if not self._by_template:
            arguments = self._options.arguments(name, labels)
            arguments += ["--update"] if update else []
            arguments += [f"--create_from_snapshot={snapshot}"] if snapshot else []
            return program.submit(arguments)
        with needs_gcp():
            from google.cloud import dataflow_v1beta3 as dataflow
        document = json.dumps(program.template, indent=1).encode()
        template = f"dataflow/templates/{name}-{hashlib.blake2b(document, digest_size=8).hexdigest()}.json"
        self._objects.write(template, document)
        parameters = program.parameters | ({SNAPSHOT_PARAMETER: snapshot} if snapshot else {})
        launched = self._jobs.launch(
            dataflow.LaunchFlexTemplateParameter(
                job_name=job_name(self._options.prefix, name),
                container_spec_gcs_path=self._objects.uri(template),
                parameters=parameters,
                environment=self._options.environment(name, labels),
                update=update,
            )
        )
        return launched.id

    def _wait_until_up(self, name: str, job_id: str, replaced: Job | None) -> None:
        end = self._clock.monotonic() + START_WITHIN
        while True:
            job = self._jobs.get(job_id)
            if job.pipeline_state is PipelineState.RUNNING:
                return
            if not job.is_active:
                kept = "" if replaced is None else f"; the job {replaced.id} goes on as it was"
                message = f"{name} did not start: {self._last_error(job) or job.state}{kept}"
                raise PreconditionError(message, hint=f"See `fsictl stream logs {name}`.")
            if self._clock.monotonic() > end:
                message = f"{name} has not come up in {START_WITHIN / 60:.0f} minutes (job {job_id}, {job.state})"
                raise ServiceError(message, hint="It may still: see `fsictl stream status`.")
            self._clock.sleep(_LOOK_EVERY)

    def stop(self, pipelines: Sequence[str], *, drain: bool, timeout: float) -> list[str]:
        """Stop these one after the other in the order given, each drained before the next is told.

        What has not drained after ``timeout`` seconds goes on draining, and ``ServiceError`` says so: it is never
        cancelled unasked. Without ``drain`` all are cancelled; messages that they had not finished come again.
        """
        active = {name: job for name in pipelines if (job := self._newest(name)) is not None and job.is_active}
        for job in active.values() if not drain else ():
            self._jobs.cancel(job)
        for name, job in active.items():
            if drain and job.pipeline_state is PipelineState.STARTING:
                self._jobs.cancel(job)  # it has read nothing yet, and Dataflow drains only what runs
            elif drain and job.pipeline_state is PipelineState.RUNNING:
                self._jobs.drain(job)
            self._say(f"{name}: waiting for job {job.id} to {'drain' if drain else 'end'}")
            self._wait_until_down(name, job, timeout)
        return list(active)

    def _wait_until_down(self, name: str, job: Job, timeout: float) -> None:
        end = self._clock.monotonic() + timeout
        while self._jobs.get(job.id).is_active:
            if self._clock.monotonic() >= end:
                message = f"{name} has not ended in {timeout:g} seconds and goes on ending (job {job.id})"
                hint = "Give the same command again to wait longer; `fsictl stream stop --cancel` ends it at once."
                raise ServiceError(message, hint=hint)
            self._clock.sleep(min(_LOOK_EVERY, max(end - self._clock.monotonic(), 0.1)))

    def snapshot(self, pipeline: str, *, days: int) -> str:
        """Keep the state of a running pipeline for that many days; returns the id when the snapshot is ready."""
        job = self._newest(pipeline)
        if job is None or job.pipeline_state is not PipelineState.RUNNING:
            message = f"{pipeline} does not run, so there is nothing to take a snapshot of"
            raise PreconditionError(message, hint="See `fsictl stream status`.")
        taken = self._jobs.snapshot(job, days * 86_400, f"fsictl {self._version} {pipeline}")
        self._wait_for_snapshot(taken)
        return taken

    def _wait_for_snapshot(self, snapshot: str) -> None:
        end = self._clock.monotonic() + _SNAPSHOT_WITHIN
        while (state := self._jobs.snapshot_state(snapshot)) != "READY":
            if state in {"FAILED", "DELETED"}:
                message = f"the snapshot {snapshot} cannot be used: it is {state.lower()}"
                raise PreconditionError(message, hint="Take another: fsictl stream snapshot NAME.")
            if self._clock.monotonic() > end:
                message = f"the snapshot {snapshot} is not ready after {_SNAPSHOT_WITHIN / 60:.0f} minutes"
                raise ServiceError(message, hint="It may still be: try again later.")
            self._clock.sleep(_LOOK_EVERY)

    def status(self) -> list[PipelineStatus]:
        """Every pipeline that ever ran as a job, as Dataflow remembers it."""
        found = []
        for name in self._pipelines:
            job = self._newest(name)
            if job is None:
                continue
            detail = f"job {job.id}"
            if job.pipeline_state is PipelineState.FAILED:
                detail = f"{detail}: {self._last_error(job) or 'it failed and did not say why'}"
            found.append(PipelineStatus(name, job.pipeline_state, since_ms=job.since_ms, detail=detail))
        return found

    def logs(self, pipeline: str, lines: int) -> list[str]:
        """The last messages of Dataflow about the newest job; what the workers write is in Cloud Logging."""
        job = self._newest(pipeline)
        if job is None:
            return []
        return [f"{one.time} {one.importance.upper()} {one.text}" for one in self._jobs.said(job)][-lines:]

    def _newest(self, name: str) -> Job | None:
        return self._jobs.newest(job_name(self._options.prefix, name))

    def _last_error(self, job: Job) -> str:
        try:
            said = [one.text for one in self._jobs.said(job, "error")]
        except (CloudRefusedError, ServiceError) as error:  # the reason is not worth failing for
            return str(error)
        return said[-1].splitlines()[0][:300].rstrip(".") if said else ""


def _graph_object(fingerprint: str) -> str:
    return f"dataflow/graphs/{fingerprint}.json"
