"""What must hold before anything runs on Google Cloud, each with the one thing to do when it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fsictl.backends.gcp.control import Access, CloudRefusedError
from fsictl.backends.gcp.names import subscription_id
from fsictl.backends.gcp.options import JobOptions
from fsictl.errors import FsictlError

APIS = (
    "aiplatform",
    "artifactregistry",
    "bigquery",
    "cloudscheduler",
    "compute",
    "dataflow",
    "iam",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
)
"""The APIs that the program calls, or has called for it."""

ROLES: Mapping[str, tuple[str, ...]] = {
    "roles/aiplatform.user": (
        "aiplatform.models.get",
        "aiplatform.models.list",
        "aiplatform.models.upload",
        "aiplatform.endpoints.deploy",
        "aiplatform.endpoints.list",
        "aiplatform.endpoints.undeploy",
    ),
    "roles/dataflow.developer": (
        "dataflow.jobs.list",
        "dataflow.jobs.get",
        "dataflow.jobs.create",
        "dataflow.jobs.updateContents",
        "dataflow.jobs.cancel",
        "dataflow.jobs.snapshot",
        "dataflow.messages.list",
        "dataflow.snapshots.get",
    ),
    "roles/iam.serviceAccountUser": ("iam.serviceAccounts.actAs",),
    "roles/storage.objectUser": ("storage.objects.create", "storage.objects.get", "storage.objects.list"),
    "roles/pubsub.publisher": ("pubsub.topics.publish",),
    "roles/pubsub.viewer": ("pubsub.subscriptions.get",),
    "roles/bigquery.dataViewer": ("bigquery.tables.getData",),
    "roles/bigquery.jobUser": ("bigquery.jobs.create",),
    "roles/run.developer": ("run.jobs.run",),
    "roles/compute.viewer": ("compute.regions.get", "compute.subnetworks.get"),
    "roles/serviceusage.serviceUsageConsumer": ("serviceusage.services.get",),
}
"""What a person who runs the system may do, by the narrowest ready-made role that allows it."""

_WORKER_DISK_GB = 30


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at: whether it is as it must be, what was found, and what to do if it is not."""

    name: str
    ok: bool
    found: str
    do: str = ""


def cloud_checks(
    access: Access, options: JobOptions, readers: Mapping[str, tuple[str, ...]], jobs: int
) -> Iterator[Check]:
    """Look at credentials, project, APIs, permissions, region, quotas and what Terraform makes, in this order.

    ``readers`` says which pipelines read each topic; ``jobs`` is the number of Dataflow jobs. Without credentials or a
    project nothing else is looked at. Nothing is raised: what cannot be asked is a check that failed.
    """
    for look in (_credentials, _project):
        check = _looked(look, access, options)
        yield check
        if not check.ok:
            return
    yield from _many("APIs", _apis, access, options)
    yield from _many("permissions", _permissions, access, options)
    yield from _many("region", lambda *_: _region(access, options, jobs), access, options)
    yield _looked(_bucket, access, options)
    yield _looked(_network, access, options)
    yield _looked(lambda *_: _subscriptions(access, options, readers), access, options, name="subscriptions")


def _looked(look: Any, access: Access, options: JobOptions, name: str | None = None) -> Check:
    try:
        checked: Check = look(access, options)
    except FsictlError as error:
        return Check(name or look.__name__.strip("_"), ok=False, found=str(error), do=error.hint)
    return checked


def _many(name: str, look: Any, access: Access, options: JobOptions) -> Iterator[Check]:
    try:
        yield from look(access, options)
    except FsictlError as error:
        yield Check(name, ok=False, found=str(error), do=error.hint)


def _credentials(access: Access, _: JobOptions) -> Check:
    who = getattr(access.credentials, "service_account_email", None)
    kind = type(access.credentials).__name__
    return Check("credentials", ok=True, found=str(who) if isinstance(who, str) and "@" in who else kind)


def _project(access: Access, _: JobOptions) -> Check:
    name, choose = access.project, "Set gcp.project to the id of one of yours: gcloud projects list."
    try:
        project = access.request("GET", "cloudresourcemanager", f"v3/projects/{name}", what=f"look at project {name}")
    except CloudRefusedError as error:
        if "not enabled" in str(error):
            raise
        return Check("project", ok=False, found=str(error), do=choose)
    state = project.get("state", "STATE_UNSPECIFIED")
    return Check("project", ok=state == "ACTIVE", found=f"{name} is {state.lower().replace('_', ' ')}", do=choose)


def _apis(access: Access, _: JobOptions) -> Iterator[Check]:
    parent = f"projects/{access.project}"
    names = [f"{parent}/services/{api}.googleapis.com" for api in APIS]
    path = f"v1/{parent}/services:batchGet"
    answer = access.request("GET", "serviceusage", path, what="look which APIs are enabled", query={"names": names})
    enabled = {one["name"].rsplit("/", 1)[1] for one in answer.get("services", ()) if one.get("state") == "ENABLED"}
    missing = [api for api in APIS if f"{api}.googleapis.com" not in enabled]
    if not missing:
        yield Check("APIs", ok=True, found=f"all {len(APIS)} are enabled")
    for api in missing:
        fix = f"gcloud services enable {api}.googleapis.com --project {access.project}"
        yield Check(f"API {api}", ok=False, found="not enabled", do=fix)


def _permissions(access: Access, _: JobOptions) -> Iterator[Check]:
    wanted = [permission for permissions in ROLES.values() for permission in permissions]
    path = f"v3/projects/{access.project}:testIamPermissions"
    body = {"permissions": wanted}
    answer = access.request("POST", "cloudresourcemanager", path, what="look at the permissions", body=body)
    allowed = set(answer.get("permissions", ()))
    if allowed.issuperset(wanted):
        yield Check("permissions", ok=True, found=f"all {len(wanted)} are given")
    for role, permissions in ROLES.items():
        missing = [one for one in permissions if one not in allowed]
        if missing:
            fix = f"gcloud projects add-iam-policy-binding {access.project} --member user:YOU --role {role}"
            yield Check(role.removeprefix("roles/"), ok=False, found=f"missing: {', '.join(missing)}", do=fix)


def _region(access: Access, options: JobOptions, jobs: int) -> Iterator[Check]:
    choose = "Set gcp.region to one of: gcloud compute regions list."
    path = f"compute/v1/projects/{access.project}/regions/{options.region}"
    try:
        region = access.request("GET", "compute", path, what=f"look at the region {options.region}")
    except CloudRefusedError as error:
        known = "there is nothing of that name" in str(error) or "refuses" in str(error)
        yield Check("region", ok=False, found=str(error), do=choose if known else error.hint)
        return
    is_up = region.get("status") == "UP"
    yield Check("region", ok=is_up, found=f"{options.region} is {str(region.get('status')).lower()}", do=choose)
    quotas = {one["metric"]: one for one in region.get("quotas", ())}
    for metric, each in _needs(options).items():
        if metric in quotas:
            yield _quota(quotas[metric], each * options.workers * jobs, each * options.max_workers * jobs)


def _needs(options: JobOptions) -> dict[str, int]:
    """What one worker takes of the region's quotas."""
    needs = {"DISKS_TOTAL_GB": _WORKER_DISK_GB, "INSTANCES": 1}
    machine = re.fullmatch(r"([a-z]\w+)-(?:\w+-)*?(\d+)", options.machine_type)
    if machine is not None:
        family, cores = machine[1].upper(), int(machine[2])
        needs["CPUS" if family in {"N1", "E2"} else f"{family}_CPUS"] = cores
    if not options.private:
        needs["IN_USE_ADDRESSES"] = 1
    return needs


def _quota(quota: Mapping[str, Any], least: int, most: int) -> Check:
    free = quota["limit"] - quota.get("usage", 0)
    found = f"{free:g} of {quota['limit']:g} free; the jobs take {least} to {most}"
    fix = "Lower gcp.workers or gcp.max_workers, or ask for more: console.cloud.google.com/iam-admin/quotas."
    return Check(f"quota {quota['metric']}", ok=free >= most, found=found, do=fix)


_MAKE = "Make it: fsictl infra up."


def _bucket(access: Access, options: JobOptions) -> Check:
    try:
        path = f"storage/v1/b/{options.bucket}"
        found = access.request("GET", "storage", path, what=f"look at the bucket {options.bucket}")
    except CloudRefusedError as error:
        return Check(
            "bucket", ok=False, found=str(error), do=_MAKE if "nothing of that name" in str(error) else error.hint
        )
    return Check("bucket", ok=True, found=f"{options.bucket} in {str(found.get('location', '')).lower()}")


def _network(access: Access, options: JobOptions) -> Check:
    if options.subnetwork is None:
        return Check("network", ok=True, found=f"{options.network}, whose subnetworks Dataflow chooses")
    parts = re.fullmatch(r"(?:.*projects/([^/]+)/)?regions/([^/]+)/subnetworks/([^/]+)", options.subnetwork)
    if parts is None:
        do = "Set gcp.subnetwork to regions/REGION/subnetworks/NAME."
        return Check("network", ok=False, found=f"{options.subnetwork} is no subnetwork", do=do)
    project, region, name = parts[1] or access.project, parts[2], parts[3]
    path = f"compute/v1/projects/{project}/regions/{region}/subnetworks/{name}"
    try:
        found = access.request("GET", "compute", path, what=f"look at the subnetwork {name}")
    except CloudRefusedError as error:
        do = _MAKE if "nothing of that name" in str(error) else error.hint
        return Check("network", ok=False, found=str(error), do=do)
    if options.private and not found.get("privateIpGoogleAccess"):
        do = f"gcloud compute networks subnets update {name} --region {region} --enable-private-ip-google-access"
        return Check("network", ok=False, found=f"workers in {name} could not reach Google's services", do=do)
    return Check("network", ok=True, found=f"{name} reaches Google's services from inside")


def _subscriptions(access: Access, options: JobOptions, readers: Mapping[str, tuple[str, ...]]) -> Check:
    missing, found = [], 0
    for topic, pipelines in readers.items():
        for pipeline in pipelines:
            name = subscription_id(options.prefix, topic, pipeline)
            path = f"v1/projects/{access.project}/subscriptions/{name}"
            try:
                access.request("GET", "pubsub", path, what=f"look at the subscription {name}")
                found += 1
            except CloudRefusedError as error:
                if "nothing of that name" not in str(error):
                    raise
                missing.append(name)
    if missing:
        return Check(
            "subscriptions", ok=False, found=f"missing: {', '.join(missing)}", do="Make them: fsictl infra up."
        )
    return Check("subscriptions", ok=True, found=f"all {found} are there")
