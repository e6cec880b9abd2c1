"""What of a deployment costs money, read from the resources of a plan or a state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fsictl.backends.gcp.names import HELD, READERS
from fsictl.infra.terraform import Resource
from fsictl.records.schemas import TABLES

DAYS_A_MONTH = 365 / 12
_MIB = 1 / 1024


@dataclass(frozen=True, slots=True)
class Container:
    """A container with its share of a machine, and how many of it are there all the time."""

    name: str
    vcpus: float
    memory_gib: float
    instances: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """A Cloud Run job with how often it is started in a month."""

    container: Container
    runs_a_month: float


@dataclass(frozen=True, slots=True)
class Database:
    """A Cloud SQL instance: its tier, its disk, and whether its machine is on."""

    tier: str
    disk_gib: float
    is_on: bool
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything of a deployment that has a price."""

    pools: tuple[Container, ...] = ()
    services: tuple[Container, ...] = ()
    jobs: tuple[Schedule, ...] = ()
    schedules: int = 0
    secrets: int = 0
    readers: Mapping[str, int] | None = None
    databases: tuple[Database, ...] = ()
    tables: int = 0
    buckets: int = 0
    repositories: int = 0
    endpoints: int = 0
    clusters: int = 0


class Option(StrEnum):
    """What the packaged configuration makes only when it is asked for (``enable_…``)."""

    ENDPOINT = "endpoint"
    CLOUD_SQL = "cloud-sql"
    GKE = "gke"


def standard(prefix: str, options: Collection[Option] = ()) -> Deployment:
    """What the packaged configuration makes once there are images; a test holds it against a plan of it."""
    on_gke = Option.GKE in options
    training = Schedule(Container(f"{prefix}-train", 4.0, 8.0), runs_a_month("0 * * * *"))
    sql = Schedule(Container(f"{prefix}-sql", 1.0, 1.0), runs_a_month("30 1 * * *"))
    grafana, invoker = Container(f"{prefix}-grafana", 1.0, 0.5), Container(f"{prefix}-invoker", 1.0, 1.0)
    readers = {f"{prefix}-{topic}": len(names) for topic, names in READERS.items()}
    undeliverable = {f"{prefix}-{topic}-undeliverable": 1 for topic, names in READERS.items() if names != (HELD,)}
    return Deployment(
        pools=(Container(f"{prefix}-generator", 1.0, 1.0, 1),),
        services=(grafana,) if on_gke else (grafana, invoker),
        jobs=(sql,) if on_gke else (sql, training),
        schedules=1 if on_gke else 2,
        secrets=1,
        readers={**readers, **undeliverable},
        databases=(Database("db-f1-micro", 10.0, True),) if Option.CLOUD_SQL in options else (),
        tables=len(TABLES),
        buckets=1,
        repositories=1,
        endpoints=int(Option.ENDPOINT in options),
        clusters=int(on_gke),
    )


def deployment_of(resources: Iterable[Resource]) -> Deployment:
    """What has a price among the resources."""
    of: dict[str, list[Mapping[str, Any]]] = {}
    for one in resources:
        of.setdefault(one.type, []).append(one.values)
    schedules = [one for one in of.get("google_cloud_scheduler_job", []) if not one.get("paused")]
    services = (_container(one) for one in of.get("google_cloud_run_v2_service", []) if not _is_parked(one))
    jobs = (_container(one) for one in of.get("google_cloud_run_v2_job", []))
    times = {str(one.get("name")): runs_a_month(str(one.get("schedule"))) for one in schedules}
    return Deployment(
        pools=tuple(_container(one) for one in of.get("google_cloud_run_v2_worker_pool", [])),
        services=tuple(sorted(services, key=lambda one: one.name)),
        jobs=tuple(Schedule(one, times.get(one.name, 0.0)) for one in sorted(jobs, key=lambda one: one.name)),
        schedules=len(of.get("google_cloud_scheduler_job", [])),
        secrets=len(of.get("google_secret_manager_secret", [])),
        readers=_readers(of.get("google_pubsub_topic", []), of.get("google_pubsub_subscription", [])),
        databases=tuple(_database(one) for one in of.get("google_sql_database_instance", [])),
        tables=sum(1 for one in of.get("google_bigquery_table", []) if not one.get("view")),
        buckets=len(of.get("google_storage_bucket", [])),
        repositories=len(of.get("google_artifact_registry_repository", [])),
        endpoints=len(of.get("google_vertex_ai_endpoint", [])),
        clusters=len(of.get("google_container_cluster", [])),
    )


def _first(value: object) -> Mapping[str, Any]:
    """A nested block: Terraform gives a list of them, of which there is one."""
    if isinstance(value, list):
        value = value[0] if value else {}
    return value if isinstance(value, Mapping) else {}


def _container(values: Mapping[str, Any]) -> Container:
    template = _first(values.get("template"))
    inner = _first(template.get("template")) or template  # a job has one more
    limits = _first(_first(inner.get("containers")).get("resources")).get("limits") or {}
    scaling = _first(values.get("scaling"))
    count = None if scaling.get("scaling_mode") == "AUTOMATIC" else scaling.get("manual_instance_count")
    return Container(
        str(values.get("name")),
        cpus(str(limits.get("cpu", "1"))),
        gibibytes(str(limits.get("memory", "512Mi"))),
        int(count) if count is not None else int(_first(template.get("scaling")).get("min_instance_count") or 0),
    )


def _is_parked(service: Mapping[str, Any]) -> bool:
    scaling = _first(service.get("scaling"))
    return scaling.get("scaling_mode") == "MANUAL" and not scaling.get("manual_instance_count")


def _readers(topics: list[Mapping[str, Any]], subscriptions: list[Mapping[str, Any]]) -> dict[str, int]:
    """How many subscriptions each topic has, by the topic's name."""
    found = {str(one.get("name")): 0 for one in topics}
    for one in subscriptions:  # they are named TOPIC-READER, also while the topic's own id is not known yet
        name = str(one.get("name"))
        owners = [topic for topic in found if name.startswith(f"{topic}-")]
        if owners:
            found[max(owners, key=len)] += 1
    return found


def _database(values: Mapping[str, Any]) -> Database:
    settings = _first(values.get("settings"))
    return Database(
        str(settings.get("tier", "")),
        float(settings.get("disk_size") or 10),
        settings.get("activation_policy", "ALWAYS") == "ALWAYS",
        2 if settings.get("availability_type") == "REGIONAL" else 1,
    )


def cpus(text: str) -> float:
    """Processors as Kubernetes writes them.

    >>> cpus("4"), cpus("500m")
    (4.0, 0.5)
    """
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def gibibytes(text: str) -> float:
    """Memory as Kubernetes writes it.

    >>> gibibytes("512Mi"), gibibytes("8Gi"), gibibytes("2G")
    (0.5, 8.0, 1.862645149230957)
    """
    units = {"Ki": _MIB / 1024, "Mi": _MIB, "Gi": 1.0, "Ti": 1024.0, "M": 1e6 / 2**30, "G": 1e9 / 2**30}
    for unit, size in units.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * size
    return float(text) / 2**30


def runs_a_month(schedule: str) -> float:
    """How often a cron schedule fires in a month, by its minutes, hours and days of the week or month.

    >>> runs_a_month("0 * * * *"), round(runs_a_month("30 1 * * *"), 2), round(runs_a_month("*/15 8-17 * * 1-5"))
    (730.0, 30.42, 869)
    """
    parts = schedule.split()
    if len(parts) != 5:
        return 0.0
    minutes, hours = _hits(parts[0], 0, 59), _hits(parts[1], 0, 23)
    days = DAYS_A_MONTH * _hits(parts[4], 0, 6) / 7 * _hits(parts[2], 1, 31) / 31 * _hits(parts[3], 1, 12) / 12
    return minutes * hours * days


def _hits(part: str, first: int, last: int) -> int:
    """How many of the numbers from first to last a part of a schedule names; names of days count as one each."""
    found: set[object] = set()
    for one in part.split(","):
        span, _, step = one.partition("/")
        low, _, high = span.partition("-")
        if span == "*":
            numbers = range(first, last + 1, int(step or 1))
        elif low.isdigit():
            end = int(high) if high.isdigit() else last if step else int(low)
            numbers = range(int(low), end + 1, int(step or 1))
        else:
            found.add(one)
            continue
        found.update(numbers)
    return len(found)
