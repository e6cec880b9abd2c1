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
    """Section ``dashboard``: where the live page listens."""

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(8050, "port to listen on; 0 takes a free one", least=0, most=65_535)


@dataclass(frozen=True, slots=True)
class GcpSettings:
    """Section ``gcp``: where things are on Google Cloud; only read with ``--target gcp``."""

    project: str | None = setting(None, "project id")
    region: str = setting("europe-west1", "region of jobs, services and data")
    dataset: str = setting("forex", "BigQuery dataset of the tables")
    bucket: str | None = setting(None, "bucket of model versions and staging; PROJECT-fsictl when not set")
    prefix: str = setting("fsictl", "beginning of the names of topics, subscriptions, jobs and accounts")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    target: str = setting("local", "where everything runs", choices=("local",))
    prices: PriceSettings = field(default_factory=PriceSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    gcp: GcpSettings = field(default_factory=GcpSettings)
