"""Answers that remember: the jobs of Dataflow, and the objects of Cloud Storage, as far as the programs see them."""

from __future__ import annotations

import base64
import itertools
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
from tests.contract.server import ContractServer, Refusal, Request

_ENDED = {"DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED"}


@dataclass(slots=True)
class Storage:
    """Objects by bucket and name."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def serve(self, server: ContractServer) -> None:
        """Answer for Cloud Storage."""
        server.reply("storage.buckets.get", lambda request: {"name": request.path["bucket"]})
        server.reply("storage.objects.insert", self._insert)
        server.reply("storage.objects.get", self._get)

    def under(self, folder: str) -> dict[str, bytes]:
        """The objects of a folder, by the rest of their names."""
        return {name.removeprefix(folder): data for (_, name), data in self.objects.items() if name.startswith(folder)}

    def _insert(self, request: Request) -> dict[str, Any]:
        name = (request.body or {}).get("name") or request.query["name"][0]
        self.objects[request.path["bucket"], name] = request.media or b""
        return self._described(request.path["bucket"], name)

    def _get(self, request: Request) -> dict[str, Any] | Refusal | bytes:
        bucket, name = request.path["bucket"], request.path["object"]
        if (bucket, name) not in self.objects:
            return Refusal(404, f"No such object: {bucket}/{name}")
        if request.query.get("alt") == ["media"]:
            return self.objects[bucket, name]
        return self._described(bucket, name)

    def _described(self, bucket: str, name: str) -> dict[str, Any]:
        data = self.objects[bucket, name]
        checksum = base64.b64encode(google_crc32c.Checksum(data).digest()).decode()
        return {"name": name, "bucket": bucket, "size": str(len(data)), "crc32c": checksum, "generation": "1"}


@dataclass(slots=True)
class Dataflow:
    """Jobs, newest last. ``after`` says how many looks at a job it takes to leave a passing state."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    snapshots: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuse_replacements: str | None = None
    after: int = 1
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    looks: dict[str, int] = field(default_factory=dict)

    def serve(self, server: ContractServer) -> None:
        """Answer for Dataflow."""
        jobs = "dataflow.projects.locations.jobs."
        server.reply(jobs + "list", self._list)
        server.reply(jobs + "get", self._get)
        server.reply(jobs + "create", lambda request: self.add(request.body))
        server.reply(jobs + "update", self._update)
        server.reply(jobs + "snapshot", self._snapshot)
        server.reply(
            jobs + "messages.list", lambda request: {"jobMessages": self.messages.get(request.path["jobId"], [])}
        )
        server.reply("dataflow.projects.locations.flexTemplates.launch", self._launch)
        server.reply("dataflow.projects.locations.snapshots.get", self._look_at_snapshot)

    def state(self, name: str) -> str:
        """The state of the newest job of that name, without ``JOB_STATE_``."""
        newest = [one for one in self.jobs.values() if one["name"] == name][-1]
        return str(newest["currentState"]).removeprefix("JOB_STATE_")

    def say(self, job_id: str, importance: str, text: str) -> None:
        """Add a message about a job."""
        said = self.messages.setdefault(job_id, [])
        time = f"2026-01-01T00:00:{len(said):02d}Z"
        said.append({"id": str(len(said)), "time": time, "messageImportance": importance, "messageText": text})

    def _active(self, name: str) -> dict[str, Any] | None:
        for job in reversed(self.jobs.values()):
            if job["name"] == name and job["currentState"].removeprefix("JOB_STATE_") not in _ENDED:
                return job
        return None

    def add(self, wanted: dict[str, Any]) -> dict[str, Any] | Refusal:
        """A new job of that name, unless another of the name is active."""
        replaced = wanted.get("replaceJobId")
        active = self._active(wanted["name"])
        if active is not None and active["id"] != replaced:
            return Refusal(409, f"There is already an active job named {wanted['name']} (id: {active['id']})")
        number = next(self._numbers)
        job = {
            "id": f"2026-{number}",
            "name": wanted["name"],
            "projectId": "my-project",
            "location": "europe-west1",
            "type": "JOB_TYPE_STREAMING",
            "createTime": f"2026-01-01T00:{number:02d}:00Z",
            "currentStateTime": f"2026-01-01T00:{number:02d}:00Z",
            "currentState": "JOB_STATE_QUEUED",
            "labels": wanted.get("labels", {}),
            **({"replaceJobId": replaced} if replaced else {}),
            **({"clientRequestId": wanted["clientRequestId"]} if "clientRequestId" in wanted else {}),
        }
        self.jobs[job["id"]] = job
        return job

    def _launch(self, request: Request) -> dict[str, Any] | Refusal:
        launched = request.body["launchParameter"]
        active = self._active(launched["jobName"]) if launched.get("update") else None
        labels = launched["environment"].get("additionalUserLabels", {})
        added = self.add({"name": launched["jobName"], "labels": labels, "replaceJobId": active and active["id"]})
        return added if isinstance(added, Refusal) else {"job": added}

    def _list(self, request: Request) -> dict[str, Any]:
        name = request.query.get("name", [None])[0]
        return {"jobs": [{**one, "labels": {}} for one in self.jobs.values() if name in {None, one["name"]}]}

    def _get(self, request: Request) -> dict[str, Any] | Refusal:
        job = self.jobs.get(request.path["jobId"])
        if job is None:
            return Refusal(404, f"({request.path['jobId']}): Information about the job could not be found")
        self.looks[job["id"]] = looks = self.looks.get(job["id"], 0) + 1
        if looks > self.after:
            self._move_on(job)
        return dict(job)

    def _move_on(self, job: dict[str, Any]) -> None:
        state = job["currentState"].removeprefix("JOB_STATE_")
        replaced = self.jobs.get(job.get("replaceJobId", ""))
        if state == "QUEUED" and replaced is not None and self.refuse_replacements:
            self._set(job, "FAILED")
            self.say(job["id"], "JOB_MESSAGE_ERROR", self.refuse_replacements)
        elif state == "QUEUED":
            self._set(job, "RUNNING")
            if replaced is not None:
                self._set(replaced, "UPDATED")
        elif state in {"DRAINING", "CANCELLING"}:
            self._set(job, "DRAINED" if state == "DRAINING" else "CANCELLED")

    def _set(self, job: dict[str, Any], state: str) -> None:
        job["currentState"] = f"JOB_STATE_{state}"
        self.looks[job["id"]] = 0

    def _update(self, request: Request) -> dict[str, Any] | Refusal:
        job, wanted = self.jobs[request.path["jobId"]], request.body["requestedState"]
        if wanted == "JOB_STATE_DRAINED" and job["currentState"] != "JOB_STATE_RUNNING":
            return Refusal(400, f"The job {job['id']} cannot be drained: it is not running")
        self._set(job, {"JOB_STATE_DRAINED": "DRAINING", "JOB_STATE_CANCELLED": "CANCELLING"}[wanted])
        return {**job, "requestedState": wanted}

    def _snapshot(self, request: Request) -> dict[str, Any]:
        taken = {"id": f"snapshot-{len(self.snapshots) + 1}", "sourceJobId": request.path["jobId"], "state": "PENDING"}
        self.snapshots[taken["id"]] = taken
        return taken

    def _look_at_snapshot(self, request: Request) -> dict[str, Any] | Refusal:
        taken = self.snapshots.get(request.path["snapshotId"])
        if taken is None:
            return Refusal(404, f"There is no snapshot {request.path['snapshotId']}")
        answer = dict(taken)
        if taken["state"] == "PENDING":
            taken["state"] = "READY"
        return answer


@dataclass(slots=True)
class Project:
    """A project in which all is as it must be, until a test changes it."""

    name: str = "my-project"
    region: str = "europe-west1"
    state: str = "ACTIVE"
    disabled: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    quotas: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {"N2_CPUS": (24.0, 0.0), "DISKS_TOTAL_GB": (4096.0, 100.0), "INSTANCES": (24.0, 2.0)}
    )
    private_access: bool = True

    def serve(self, server: ContractServer) -> None:
        """Answer for what is asked about a project."""
        manager = "cloudresourcemanager.projects."
        server.reply(manager + "get", self._project)
        server.reply(manager + "testIamPermissions", self._permissions)
        server.reply("serviceusage.services.batchGet", self._services)
        server.reply("compute.regions.get", self._region)
        server.reply("compute.subnetworks.get", lambda _: {"privateIpGoogleAccess": self.private_access})
        server.reply("pubsub.projects.subscriptions.get", self._subscription)

    def _project(self, request: Request) -> dict[str, Any] | Refusal:
        if request.path["name"] != f"projects/{self.name}":
            return Refusal(403, "The caller does not have permission")
        return {"projectId": self.name, "name": "projects/1", "state": self.state}

    def _permissions(self, request: Request) -> dict[str, Any]:
        return {"permissions": [one for one in request.body["permissions"] if one not in self.denied]}

    def _services(self, request: Request) -> dict[str, Any]:
        states = [(name, name.rsplit("/", 1)[1].split(".")[0] in self.disabled) for name in request.query["names"]]
        return {"services": [{"name": name, "state": "DISABLED" if off else "ENABLED"} for name, off in states]}

    def _region(self, request: Request) -> dict[str, Any] | Refusal:
        if request.path["region"] != self.region:
            return Refusal(404, f"The resource 'regions/{request.path['region']}' was not found")
        quotas = [{"metric": name, "limit": limit, "usage": used} for name, (limit, used) in self.quotas.items()]
        return {"name": self.region, "status": "UP", "quotas": quotas}

    def _subscription(self, request: Request) -> dict[str, Any] | Refusal:
        name = request.path["subscription"]
        if name.rsplit("/", 1)[1] in self.missing:
            return Refusal(404, f"Resource not found (resource={name})")
        return {"name": name, "topic": "projects/p/topics/t"}
