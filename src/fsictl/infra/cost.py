"""What a deployment costs in a month: an estimate from public list prices, while idle and while running.

*Idle* is a deployment that is up, whose streaming jobs do not run. *Running* is the same with streaming jobs, data
on its way into the tables, and people who look at it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fsictl.infra.deployment import Container, Database, Deployment
from fsictl.infra.price_list import PriceList
from fsictl.infra.traffic import Traffic
from fsictl.records.schemas import METRICS_TOPIC, PRICES_TOPIC, RECONERR_TOPIC

HOURS = 730.0
"""Hours in a month."""

_GIB, _TIB = 2.0**30, 2.0**40


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is billed: of which service, US dollars a month while idle and while running, and why so many."""

    service: str
    what: str
    idle: float
    running: float
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Every line, and the sums."""

    lines: tuple[Line, ...]

    @property
    def idle(self) -> float:
        """US dollars a month while nothing streams."""
        return sum(line.idle for line in self.lines)

    @property
    def running(self) -> float:
        """US dollars a month while everything streams."""
        return sum(line.running for line in self.lines)


def estimate(deployment: Deployment, month: Traffic, streams: Sequence[str], prices: PriceList) -> Estimate:
    """What ``deployment`` costs with a ``month`` of prices and a Dataflow job for each of ``streams``."""
    found = [
        *_cloud_run(deployment, prices),
        *_dataflow(deployment, month, streams, prices),
        *_pubsub(deployment, month, prices),
        *_bigquery(deployment, month, prices),
        *_small_things(deployment, prices),
        *_databases(deployment, prices),
        *_vertex(deployment, prices),
        *_cluster(deployment, prices),
    ]
    return Estimate(tuple(line for line in found if line.idle or line.running))


def _always(container: Container, prices: PriceList, seconds: float) -> float:
    """US dollars for a container that is there for so many seconds."""
    vcpu, memory = prices.prices["run_always_vcpu"].usd, prices.prices["run_always_memory"].usd
    return seconds * (container.vcpus * vcpu + container.memory_gib * memory)


def _cloud_run(deployment: Deployment, prices: PriceList) -> Iterator[Line]:
    assumed = prices.assumed
    for one in deployment.pools:
        usd = _always(one, prices, HOURS * 3600 * one.instances)
        yield Line("Cloud Run", f"{one.name}, always there", usd, usd, f"{one.instances} × {_machine(one)}")
    for one in deployment.services:
        hours = assumed["grafana_hours" if "grafana" in one.name else "invoker_hours"]
        vcpu, memory = prices.prices["run_request_vcpu"].usd, prices.prices["run_request_memory"].usd
        kept = _always(one, prices, HOURS * 3600 * one.instances)
        usd = hours * 3600 * (one.vcpus * vcpu + one.memory_gib * memory)
        yield Line("Cloud Run", f"{one.name}, while it answers", kept, kept + usd, f"{hours:g} h of {_machine(one)}")
    for job in deployment.jobs:
        is_training = "train" in job.container.name
        minutes = assumed["training_minutes" if is_training else "sql_minutes"]
        empty = assumed["empty_run_minutes"]
        each = _always(job.container, prices, 60.0) * job.runs_a_month
        what = f"{job.container.name}, {job.runs_a_month:,.0f} runs"
        yield Line("Cloud Run", what, each * empty, each * minutes, f"{minutes:g} min of {_machine(job.container)}")


def _machine(container: Container) -> str:
    return f"{container.vcpus:g} vCPU, {container.memory_gib:g} GiB"


def worker_hour(prices: PriceList) -> float:
    """US dollars for an hour of one Dataflow worker of a streaming job."""
    assumed = prices.assumed
    return (
        assumed["worker_vcpus"] * prices.prices["dataflow_vcpu"].usd
        + assumed["worker_memory_gib"] * prices.prices["dataflow_memory"].usd
        + assumed["worker_disk_gib"] * prices.prices["dataflow_disk"].usd
    )


_READ_BY = {
    "metrics": (PRICES_TOPIC,),
    "infer": (METRICS_TOPIC,),
    "sink": (PRICES_TOPIC, METRICS_TOPIC, RECONERR_TOPIC),
}


def _dataflow(deployment: Deployment, month: Traffic, streams: Sequence[str], prices: PriceList) -> Iterator[Line]:
    if not deployment.readers:
        return
    workers = prices.assumed["workers"]
    for name in streams:
        read = sum(month.published[topic] for topic in _READ_BY.get(name, ()))
        data = read / _GIB * prices.prices["dataflow_data"].usd
        usd = workers * HOURS * worker_hour(prices) + data
        amount = f"{workers:g} × {prices.assumed['worker_vcpus']:g} vCPU; {read / _GIB:,.0f} GiB"
        yield Line("Dataflow", f"streaming job {name}", 0.0, usd, amount)


def _pubsub(deployment: Deployment, month: Traffic, prices: PriceList) -> Iterator[Line]:
    generated = any(one.instances for one in deployment.pools)
    for topic, size in month.published.items():
        readers = next((n for name, n in (deployment.readers or {}).items() if name.endswith(f"-{topic}")), None)
        if readers is None:
            continue
        each = size / _TIB * prices.prices["pubsub_throughput"].usd
        kept = size / HOURS * prices.assumed["message_hours"] / _GIB * prices.prices["pubsub_retained"].usd
        flows = generated and topic == PRICES_TOPIC  # the generator publishes, whether or not anybody reads
        amount = f"{size / _GIB:,.0f} GiB, read by {readers}"
        yield Line("Pub/Sub", f"topic {topic}", (each + kept) * flows, each * (1 + readers) + kept, amount)


def _bigquery(deployment: Deployment, month: Traffic, prices: PriceList) -> Iterator[Line]:
    if not deployment.tables:
        return
    size = sum(month.stored.values()) / _GIB
    storage, write, query = (prices.prices[f"bigquery_{name}"].usd for name in ("storage", "write", "query"))
    yield Line("BigQuery", "storage of one month of data", 0.0, size * storage, f"{size:,.0f} GiB, each month more")
    yield Line("BigQuery", "writing", 0.0, size * write, f"{size:,.0f} GiB")
    read = prices.assumed["queried_tib"]
    yield Line("BigQuery", "reading", 0.0, read * query, f"{read:g} TiB")


def _small_things(deployment: Deployment, prices: PriceList) -> Iterator[Line]:
    of, assumed = prices.prices, prices.assumed
    models = deployment.buckets * assumed["models_gib"]
    images = deployment.repositories * assumed["images_gib"]
    for service, what, number, unit, price in (
        ("Artifact Registry", "images", images, " GiB", of["registry_storage"]),
        ("Cloud Storage", "model versions", models, " GiB", of["bucket_storage"]),
        ("Cloud Scheduler", "schedules", deployment.schedules, "", of["scheduler_job"]),
        ("Secret Manager", "secrets", deployment.secrets, "", of["secret_version"]),
    ):
        yield Line(service, what, number * price.usd, number * price.usd, f"{number:g}{unit}")


def _databases(deployment: Deployment, prices: PriceList) -> Iterator[Line]:
    for one in deployment.databases:
        disk = one.disk_gib * one.replicas * prices.prices["sql_storage"].usd
        yield Line("Cloud SQL", "disk", disk, disk, f"{one.disk_gib:g} GiB")
        machine = _database_hour(one, prices) * HOURS * one.replicas if one.is_on else 0.0
        yield Line("Cloud SQL", f"machine {one.tier}", machine, machine)


def _database_hour(database: Database, prices: PriceList) -> float:
    """US dollars for an hour of the machine; ``db-custom-VCPUS-MIB`` by its parts, everything else as a shared one."""
    parts = database.tier.split("-")
    if parts[:2] == ["db", "custom"] and len(parts) == 4:
        vcpus, memory = float(parts[2]), float(parts[3]) / 1024
        return vcpus * prices.prices["sql_vcpu"].usd + memory * prices.prices["sql_memory"].usd
    return prices.prices["sql_shared"].usd


def _vertex(deployment: Deployment, prices: PriceList) -> Iterator[Line]:
    if deployment.endpoints:
        node = prices.assumed["node_vcpus"] * prices.prices["vertex_vcpu"].usd * HOURS
        amount = "while a model is deployed; without one it costs nothing"
        yield Line("Vertex AI", "node of the endpoint", 0.0, node * deployment.endpoints, amount)


def _cluster(deployment: Deployment, prices: PriceList) -> Iterator[Line]:
    if not deployment.clusters:
        return
    control = prices.prices["gke_cluster"].usd * HOURS * deployment.clusters
    yield Line("GKE", "control plane", control, control)
    vcpu, memory = prices.prices["gke_vcpu"].usd, prices.prices["gke_memory"].usd
    assumed = prices.assumed
    invoker = HOURS * (assumed["pod_vcpus"] * vcpu + assumed["pod_memory_gib"] * memory)
    training = HOURS / 60 * (assumed["trainer_vcpus"] * vcpu + assumed["trainer_memory_gib"] * memory)  # hourly
    idle, running = invoker + training * assumed["empty_run_minutes"], invoker + training * assumed["training_minutes"]
    yield Line("GKE", "pods of the invoker and of an hourly training", idle, running)
