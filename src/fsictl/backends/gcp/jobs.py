"""Dataflow's jobs by name: what runs, how it ends, what it said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from fsictl.backends.gcp.control import Access, needs_gcp
from fsictl.ports.engine import PipelineState

_STATES = {
    "JOB_STATE_RUNNING": PipelineState.RUNNING,
    "JOB_STATE_DRAINING": PipelineState.DRAINING,
    "JOB_STATE_CANCELLING": PipelineState.DRAINING,
    "JOB_STATE_FAILED": PipelineState.FAILED,
    "JOB_STATE_QUEUED": PipelineState.STARTING,
    "JOB_STATE_PENDING": PipelineState.STARTING,
    "JOB_STATE_UNKNOWN": PipelineState.STARTING,
}
_ENDED = {
    "JOB_STATE_DONE",
    "JOB_STATE_FAILED",
    "JOB_STATE_CANCELLED",
    "JOB_STATE_UPDATED",
    "JOB_STATE_DRAINED",
    "JOB_STATE_STOPPED",
}


@dataclass(frozen=True, slots=True)
class Job:
    """A job as Dataflow has it; ``state`` is its own word (``JOB_STATE_RUNNING``)."""

    id: str
    name: str
    state: str
    since_ms: int | None
    labels: dict[str, str]

    @property
    def is_active(self) -> bool:
        """Whether it runs, will run, or is still ending."""
        return self.state not in _ENDED

    @property
    def pipeline_state(self) -> PipelineState:
        """Its state in the words of every engine."""
        return _STATES.get(self.state, PipelineState.STOPPED)


@dataclass(frozen=True, slots=True)
class Said:
    """Something that Dataflow said about a job; ``importance`` is ``basic``, ``warning`` or ``error``."""

    time: str
    importance: str
    text: str


class DataflowJobs:
    """The jobs of a project in a region."""

    def __init__(self, access: Access, region: str) -> None:
        self._access, self._region = access, region

    @cached_property
    def _dataflow(self) -> Any:
        with needs_gcp():
            from google.cloud import dataflow_v1beta3
        return dataflow_v1beta3

    @cached_property
    def _client(self) -> Any:
        return self._access.client(self._dataflow.JobsV1Beta3Client)

    @property
    def _place(self) -> dict[str, str]:
        return {"project_id": self._access.project, "location": self._region}

    def newest(self, name: str) -> Job | None:
        """The active job of that name, else the one that began last; ``None`` when there never was one."""
        request = self._dataflow.ListJobsRequest(name=name, **self._place)
        found = self._access.call(lambda: list(self._client.list_jobs(request, retry=None)), f"look for the job {name}")
        jobs = [one for one in found if one.name == name]
        if not jobs:
            return None
        newest = max(jobs, key=lambda one: (_job(one).is_active, one.create_time))
        return self.get(newest.id)

    def get(self, job_id: str) -> Job:
        """One job, with its labels."""
        view = self._dataflow.JobView.JOB_VIEW_DESCRIPTION
        request = self._dataflow.GetJobRequest(job_id=job_id, view=view, **self._place)
        return _job(self._access.call(lambda: self._client.get_job(request, retry=None), f"look at the job {job_id}"))

    def drain(self, job: Job) -> None:
        """Let it take nothing new and finish what it has."""
        self._ask(job, "drain", self._dataflow.JobState.JOB_STATE_DRAINED)

    def cancel(self, job: Job) -> None:
        """End it at once; what it had read and not finished comes again from the subscription."""
        self._ask(job, "cancel", self._dataflow.JobState.JOB_STATE_CANCELLED)

    def _ask(self, job: Job, what: str, state: Any) -> None:
        wanted = self._dataflow.Job(requested_state=state)
        request = self._dataflow.UpdateJobRequest(job_id=job.id, job=wanted, **self._place)
        self._access.call(lambda: self._client.update_job(request, retry=None), f"{what} the job {job.name}")

    def snapshot(self, job: Job, seconds: int, description: str) -> str:
        """Keep its state and the place in its subscriptions for that long; the id of the snapshot."""
        request = self._dataflow.SnapshotJobRequest(
            job_id=job.id,
            ttl={"seconds": seconds},
            snapshot_sources=True,
            description=description,
            **self._place,
        )
        what = f"take a snapshot of the job {job.name}"
        return str(self._access.call(lambda: self._client.snapshot_job(request, retry=None), what, again=False).id)

    def snapshot_state(self, snapshot: str) -> str:
        """``PENDING``, ``RUNNING``, ``READY``, ``FAILED`` or ``DELETED``."""
        client = self._access.client(self._dataflow.SnapshotsV1Beta3Client)
        request = self._dataflow.GetSnapshotRequest(snapshot_id=snapshot, **self._place)
        what = f"look at the snapshot {snapshot}"
        return str(self._access.call(lambda: client.get_snapshot(request, retry=None), what).state.name)

    def said(self, job: Job, least: str = "basic") -> Iterator[Said]:
        """What Dataflow said about a job, oldest first, from that importance on."""
        client = self._access.client(self._dataflow.MessagesV1Beta3Client)
        importance = self._dataflow.JobMessageImportance[f"JOB_MESSAGE_{least.upper()}"]
        request = self._dataflow.ListJobMessagesRequest(job_id=job.id, minimum_importance=importance, **self._place)
        what = f"read the messages of the job {job.name}"
        messages = self._access.call(lambda: list(client.list_job_messages(request, retry=None)), what)
        for one in sorted(messages, key=lambda message: message.time):
            word = one.message_importance.name.removeprefix("JOB_MESSAGE_").lower()
            yield Said(_text(one.time), word, one.message_text)

    def launch(self, template: Any) -> Job:
        """Launch a Flex Template, given as ``LaunchFlexTemplateParameter``."""
        client = self._access.client(self._dataflow.FlexTemplatesServiceClient)
        request = self._dataflow.LaunchFlexTemplateRequest(launch_parameter=template, **self._place)
        what = f"launch the job {template.job_name}"
        return _job(self._access.call(lambda: client.launch_flex_template(request, retry=None), what, again=False).job)


def _job(one: Any) -> Job:
    moment = one.current_state_time or one.create_time
    since_ms = None if moment is None else round(moment.timestamp() * 1000)
    return Job(one.id, one.name, one.current_state.name, since_ms, dict(one.labels))


def _text(moment: Any) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}"
