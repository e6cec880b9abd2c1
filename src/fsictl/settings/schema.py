"""Every setting with its default, its meaning and its limits, as frozen dataclasses, one per section."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PAIRS = (
    "AUDJPY",
    "AUDUSD",
    "CADJPY",
    "EURAUD",
    "EURCAD",
    "EURGBP",
    "EURJPY",
    "EURUSD",
    "GBPAUD",
    "GBPCHF",
    "GBPJPY",
    "GBPNZD",
    "GBPUSD",
    "NZDUSD",
    "USDCAD",
    "USDCHF",
    "USDJPY",
)
"""The currency pairs that the simulator knows."""


def setting(
    default: Any,
    meaning: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A setting with its default, its meaning in a phrase, and its limits (both inclusive)."""
    return field(default=default, metadata={"meaning": meaning, "least": least, "most": most, "choices": choices})


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """Section ``prices``: the simulator and the publisher."""

    symbols: tuple[str, ...] = setting(PAIRS, "symbols to simulate")
    hz: float = setting(10.0, "simulated ticks per second and symbol, on average", least=0.01, most=1000.0)
    seed: int = setting(1, "seed of the simulated prices", least=0, most=2**32 - 1)
    batch: int = setting(1000, "most ticks in one message", least=1, most=100_000)
    linger: float = setting(0.01, "longest wait of a tick for its message to fill, seconds", least=0.0, most=10.0)


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Section ``metrics``: what every metrics row means; see docs/metrics.md."""

    window: int = setting(300, "rolling window, seconds", least=2, most=86_400)
    rsi_window: int | None = setting(
        None, "seconds of the RSI, at most the window; the window when not set", least=2, most=86_400
    )
    max_gap: int = setting(60, "seconds without a tick that are filled", least=0, most=86_400)
    allowed_lateness: float = setting(2.0, "how long a second stays open for late ticks, seconds", least=0.0, most=3600)
    idle_timeout: float = setting(
        5.0, "silence of the whole topic after which the clock moves time on, seconds", least=0.1, most=3600
    )
    max_ahead: float | None = setting(
        7200.0, "how far ahead of the clock a tick may be, if not all are, seconds", least=0.0, most=1e9
    )


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Section ``model``: what is scored, how it is trained, when it warns."""

    window: int = setting(30, "rows in a scored window", least=5, most=300)
    overbought: float = setting(70.0, "RSI above which a window is scored", least=50.0, most=100.0)
    oversold: float = setting(30.0, "RSI below which a window is scored", least=0.0, most=50.0)
    hours: float = setting(24.0, "history to train on, hours", least=0.1, most=24 * 366)
    steps: int = setting(2700, "training steps of one batch of 32 windows", least=1, most=1_000_000)
    seed: int = setting(1, "seed of the training", least=0, most=2**32 - 1)
    least_windows: int = setting(500, "windows below which nothing is trained", least=50, most=10_000_000)
    detector: str = setting(
        "mahalanobis", "what scores a window", choices=("mahalanobis", "combination", "autoencoder")
    )
    label_rate: float = setting(0.10, "share of ordinary windows that may be called unreliable", least=0.001, most=0.5)
    alert_rate: float = setting(0.01, "share of ordinary windows that may raise an alert", least=0.0001, most=0.5)
    stale_after: int = setting(20, "seconds without a tick after which a verdict is stale", least=1, most=3600)
    most_filled: float = setting(0.9, "share of filled rows above which a verdict is stale", least=0.0, most=1.0)
    most_age: float = setting(
        168.0, "age of the training data above which a version is to be replaced, hours", least=1.0, most=24 * 366
    )
    drift_hours: int = setting(
        6, "hours in a row with drift after which a version is to be replaced", least=1, most=720
    )
    registry: str | None = setting(
        None, "URL of a database for versions, aliases and runs; in the workspace's files when not set"
    )
    cooldown: float = setting(24.0, "hours after a training run in which none is asked for", least=0.0, most=24 * 366)


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Section ``stream``: how the local pipelines run."""

    poll: float = setting(0.02, "wait between looks for new messages, seconds", least=0.001, most=10.0)
    messages: int = setting(200, "most messages taken in one step", least=1, most=100_000)
    synchronous: str = setting(
        "normal",
        "when a commit waits for the disk; a power cut takes nothing back with full",
        choices=("normal", "full"),
    )
    most_waiting: int = setting(
        100_000, "messages waiting for a running pipeline above which generate pauses", least=100, most=10**9
    )


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Section ``retention``: what is forgotten when; ``none`` keeps for ever."""

    topic_hours: float | None = setting(
        24.0, "hours that a message is kept at least, and until all pipelines have taken it", least=0.0, most=1e6
    )
    dead_letter_days: float | None = setting(30.0, "days that a dead letter is kept", least=0.0, most=1e5)
    prices_days: float | None = setting(None, "days of event time kept in the table prices", least=0.01, most=1e5)
    metrics_days: float | None = setting(None, "days of event time kept in the table metrics", least=0.01, most=1e5)
    reconerr_days: float | None = setting(None, "days of event time kept in the table reconerr", least=0.01, most=1e5)


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """Section ``dashboard``: where the live page listens, and how often it looks for news."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8050, "port to listen on; 0 takes a free one", least=0, most=65_535)
    look_every: float | None = setting(
        None,
        "seconds between two looks at the tables; when not set 0.5, and 10 where each look costs money (BigQuery)",
        least=0.1,
        most=3600,
    )


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Section ``jobs``: how a worker does the jobs that are asked for."""

    attempts: int = setting(
        3, "times that a job is tried whose workload dies or meets a passing fault", least=1, most=20
    )
    parallel: int = setting(1, "workloads that run at once", least=1, most=64)
    lease: float = setting(
        60.0, "silence of a worker after which its jobs no longer run, seconds", least=1.0, most=3600
    )
    longest: float = setting(6.0, "longest time that a workload may take, hours", least=0.001, most=24 * 7)


@dataclass(frozen=True, slots=True)
class OrchestratorSettings:
    """Section ``orchestrator``: what is asked for when, and who is told when it does not happen."""

    schedule: tuple[str, ...] = setting(
        (), "what runs when: five fields of cron, a workload, parameters as NAME=VALUE; * * * * * WORKLOAD"
    )
    time_zone: str = setting("UTC", "time zone of the schedule, by its name in the tz database")
    missed: str = setting(
        "auto",
        "runs missed while nothing ran: the newest of each entry, all, or auto: the newest training, all of the rest",
        choices=("auto", "coalesce", "all"),
    )
    most_missed: int = setting(200, "most missed runs of an entry that are made good for", least=1, most=10_000)
    within: float = setting(2.0, "hours after which a job that has not ended is an alert", least=0.01, most=24 * 7)
    drift_every: float | None = setting(
        0.25, "hours between looks whether scores have drifted or a version is old; none: no look", least=0.01, most=168
    )
    webhook: str | None = setting(None, "address that gets alerts as JSON, by POST")


@dataclass(frozen=True, slots=True)
class InvokerSettings:
    """Section ``invoker``: the HTTP contact point, and whom it lets in."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8080, "port to listen on; 0 takes a free one", least=0, most=65_535)
    workload: str = setting(
        "sql", "workload that is meant when none is named", choices=("train", "score", "sql", "rfm")
    )
    audience: str | None = setting(None, "audience that an identity token must be for; without it none is asked for")
    signatures: str = setting(
        "checked",
        "who checks the signatures of tokens: this program, or Cloud Run before it, which takes them away",
        choices=("checked", "cloud-run"),
    )
    issuers: tuple[str, ...] = setting(
        ("https://accounts.google.com", "accounts.google.com"), "who may have issued an identity token"
    )
    callers: tuple[str, ...] = setting((), "e-mail addresses of accounts that may call")


@dataclass(frozen=True, slots=True)
class GcpSettings:
    """Section ``gcp``: where things are on Google Cloud; only read with ``--target gcp``."""

    project: str | None = setting(None, "project id")
    region: str = setting("europe-west1", "region of jobs, services and data")
    dataset: str = setting("forex", "BigQuery dataset of the tables")
    bucket: str | None = setting(None, "bucket of model versions and staging; PROJECT-fsictl when not set")
    prefix: str = setting("fsictl", "beginning of the names of topics, subscriptions, jobs and accounts")
    state: str = setting(
        "bucket", "where Terraform keeps its state: a bucket, or this workspace", choices=("bucket", "local")
    )
    image_tag: str | None = setting(None, "tag of our container images; the version of this program when not set")
    serving: str = setting(
        "pipeline",
        "what scores: the pipeline itself, or beside it an endpoint of Vertex AI for programs of others",
        choices=("pipeline", "endpoint"),
    )
    launch: str = setting(
        "template",
        "how Dataflow jobs begin: as Flex Templates, in Google's launcher, or directly, from this machine",
        choices=("template", "direct"),
    )
    sink: str = setting(
        "dataflow",
        "what writes topics to tables: a Dataflow job, or Pub/Sub itself, for which a message carries one row",
        choices=("dataflow", "subscription"),
    )
    infer_mode: str = setting(
        "exactly_once",
        "whether the Dataflow job infer may see a message twice, which costs less; metrics never may",
        choices=("exactly_once", "at_least_once"),
    )
    sink_mode: str = setting(
        "at_least_once",
        "whether the Dataflow job sink may write a row twice; reading shows each once in any case",
        choices=("exactly_once", "at_least_once"),
    )
    machine_type: str = setting("n2-standard-2", "machine of a Dataflow worker")
    workers: int = setting(1, "workers with which a Dataflow job begins, and fewest", least=1, most=100)
    max_workers: int = setting(3, "most workers of a Dataflow job", least=1, most=1000)
    service_account: str | None = setting(
        None, "service account of Dataflow workers; PREFIX-worker@PROJECT.iam.gserviceaccount.com when not set"
    )
    network: str | None = setting(None, "network of Dataflow workers, for one that makes its subnetworks itself")
    subnetwork: str | None = setting(
        None, "subnetwork of Dataflow workers; regions/REGION/subnetworks/PREFIX-REGION when neither is set"
    )
    addresses: str = setting(
        "private", "whether Dataflow workers have addresses of the internet", choices=("private", "public")
    )
    kms_key: str | None = setting(None, "key of Cloud KMS for what Dataflow keeps; Google's own when not set")
    labels: str | None = setting(None, "more labels of Dataflow jobs, as KEY=VALUE,KEY=VALUE")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    target: str = setting("local", "where everything runs", choices=("local", "gcp"))
    prices: PriceSettings = field(default_factory=PriceSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    jobs: JobSettings = field(default_factory=JobSettings)
    orchestrator: OrchestratorSettings = field(default_factory=OrchestratorSettings)
    invoker: InvokerSettings = field(default_factory=InvokerSettings)
    gcp: GcpSettings = field(default_factory=GcpSettings)
