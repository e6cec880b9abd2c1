"""One definition of every table: local tables, Arrow batches, BigQuery schemas and the docs are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PRICES_TOPIC = "prices"
METRICS_TOPIC = "metrics"
RECONERR_TOPIC = "reconerr"
DEAD_LETTER_TOPIC = "dead-letter"
JOBS_TOPIC = "jobs"
JOB_EVENTS_TOPIC = "job-events"

UNREAD_TOPICS = frozenset({JOB_EVENTS_TOPIC})
"""Topics for people and other programs: no pipeline of ours takes their messages, so age alone ends them."""


class Kind(StrEnum):
    """The types a column can have, named by meaning rather than by any one store's word for it."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"  # integer milliseconds since the Unix epoch, UTC


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name, kind, whether it may be null, and what it means."""

    name: str
    kind: Kind
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """A table: its columns, and the natural key by which writing a row twice changes nothing.

    >>> METRICS.key
    ('symbol', 'timestamp')
    >>> METRICS.field("RELATIVE_STRENGTH_INDICATOR").nullable
    True
    """

    name: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    meaning: str

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """The column of that name; ``KeyError`` if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)


_SYMBOL = Field("symbol", Kind.TEXT, "instrument, 1–32 characters of A-Z a-z 0-9 . _ - /")

PRICES = Schema(
    "prices",
    ("symbol", "timestamp", "sequence"),
    (
        _SYMBOL,
        Field("timestamp", Kind.TIMESTAMP, "event time of the tick"),
        Field("sequence", Kind.INTEGER, "0, 1, 2 … among ticks of one symbol in the same millisecond"),
        Field("value", Kind.FLOAT, "price; finite and above zero"),
    ),
    "Ticks, as they were received.",
)

METRICS = Schema(
    "metrics",
    ("symbol", "timestamp"),
    (
        _SYMBOL,
        Field("timestamp", Kind.TIMESTAMP, "end of the bar − 1 ms"),
        Field("endTimestamp", Kind.INTEGER, "end of the bar, seconds since the epoch"),
        Field("FIRST", Kind.FLOAT, "value of the bar's first tick"),
        Field("LAST", Kind.FLOAT, "value of the bar's last tick"),
        Field("FIRST_TIMESTAMP", Kind.INTEGER, "event time of the first tick, ms"),
        Field("LAST_TIMESTAMP", Kind.INTEGER, "event time of the last tick, ms"),
        Field("MIN", Kind.FLOAT, "smallest value of the bar"),
        Field("MAX", Kind.FLOAT, "largest value of the bar"),
        Field("SUM", Kind.FLOAT, "sum of the bar's values"),
        Field("DATA_POINT_COUNT", Kind.INTEGER, "number of ticks; 1 for a filled bar"),
        Field("GAP_FILLED", Kind.BOOLEAN, "true when the bar has no tick of its own"),
        Field("SUM_MOVEMENT_COUNT", Kind.INTEGER, "n: bars in the window"),
        Field("SIMPLE_MOVING_AVERAGE", Kind.FLOAT, "ΣSUM / ΣDATA_POINT_COUNT over the window"),
        Field("EXPONENTIAL_MOVING_AVERAGE", Kind.FLOAT, "weights (1−α)^(n−i), α = 0.5, normalised"),
        Field("STANDARD_DEVIATION", Kind.FLOAT, "population standard deviation of the window's LAST values"),
        Field("LOG_RTN", Kind.FLOAT, "ln(c_n / c_(n−1)); 0 when n = 1"),
        Field("SUM_UP_MOVEMENT", Kind.FLOAT, "Σ max(d, 0) over the RSI window"),
        Field("SUM_DOWN_MOVEMENT", Kind.FLOAT, "Σ min(d, 0) over the RSI window"),
        Field("ABS_MOVING_AVERAGE_GAIN", Kind.FLOAT, "SUM_UP_MOVEMENT / n of the RSI window"),
        Field("ABS_MOVING_AVERAGE_LOSS", Kind.FLOAT, "|SUM_DOWN_MOVEMENT| / n of the RSI window"),
        Field("RELATIVE_STRENGTH", Kind.FLOAT, "gain / loss; null when loss = 0", nullable=True),
        Field("RELATIVE_STRENGTH_INDICATOR", Kind.FLOAT, "RSI, 0–100; null when nothing moved", nullable=True),
        Field("BB_MIDDLE_BAND_SMA", Kind.FLOAT, "SMA"),
        Field("BB_UPPER_BAND_SMA", Kind.FLOAT, "SMA + 2 standard deviations"),
        Field("BB_BOTTOM_BAND_SMA", Kind.FLOAT, "SMA − 2 standard deviations"),
        Field("BB_MIDDLE_BAND_EMA", Kind.FLOAT, "EMA"),
        Field("BB_UPPER_BAND_EMA", Kind.FLOAT, "EMA + 2 standard deviations"),
        Field("BB_BOTTOM_BAND_EMA", Kind.FLOAT, "EMA − 2 standard deviations"),
        Field("GAP_FILLED_FRACTION", Kind.FLOAT, "share of the window's bars that are filled"),
    ),
    "One row per symbol and second, gaps filled for up to a minute.",
)

RECONERR = Schema(
    "reconerr",
    ("symbol", "timestamp", "model_version"),
    (
        _SYMBOL,
        Field("timestamp", Kind.TIMESTAMP, "the metrics row the verdict is about"),
        Field("model_version", Kind.TEXT, "version that scored; empty when there was none"),
        Field("reconstruction_error", Kind.FLOAT, "score of the window; null without a score", nullable=True),
        Field("threshold", Kind.FLOAT, "score above which the RSI is called unreliable", nullable=True),
        Field("unreliable", Kind.BOOLEAN, "the verdict; null when there is none", nullable=True),
        Field("alert", Kind.BOOLEAN, "score above the stricter threshold for alerts", nullable=True),
        Field("p_value", Kind.FLOAT, "share of calibration scores at least as large", nullable=True),
        Field("rsi", Kind.FLOAT, "the RSI that was judged"),
        Field("side", Kind.TEXT, "overbought or oversold"),
        Field("feature_errors", Kind.TEXT, "JSON object: feature → its share of the score", nullable=True),
        Field("gap_filled_fraction", Kind.FLOAT, "share of filled rows in the scored window"),
        Field("reason", Kind.TEXT, "why a rule and not the score decided, or nobody did", nullable=True),
    ),
    "One verdict per window that ends at an extreme RSI.",
)

TRAINING_RUNS = Schema(
    "training_runs",
    ("run_id",),
    (
        Field("run_id", Kind.TEXT, "identifier of the run"),
        Field("at", Kind.TIMESTAMP, "when the run ended"),
        Field("outcome", Kind.TEXT, "trained, skipped or failed"),
        Field("reason", Kind.TEXT, "why there is no version", nullable=True),
        Field("model_version", Kind.TEXT, "the version that was made", nullable=True),
        Field("symbol", Kind.TEXT, "symbol trained on, or * for all"),
        Field("since", Kind.TIMESTAMP, "first event time asked for"),
        Field("until", Kind.TIMESTAMP, "event time up to which data was used"),
        Field("rows", Kind.INTEGER, "metrics rows read"),
        Field("windows", Kind.INTEGER, "windows found"),
        Field("seed", Kind.INTEGER, "seed of the run"),
        Field("seconds", Kind.FLOAT, "wall time of the run"),
    ),
    "Every training run, also those that made no version.",
)

CALIBRATIONS = Schema(
    "calibrations",
    ("symbol", "timestamp", "model_version"),
    (
        _SYMBOL,
        Field("timestamp", Kind.TIMESTAMP, "event time from which it holds"),
        Field("model_version", Kind.TEXT, "the version whose scores it is about"),
        Field("label_threshold", Kind.FLOAT, "score above which the RSI is called unreliable", nullable=True),
        Field("alert_threshold", Kind.FLOAT, "score above which there is an alert", nullable=True),
        Field("label_rate", Kind.FLOAT, "share of ordinary windows meant to be above the first"),
        Field("alert_rate", Kind.FLOAT, "share of ordinary windows meant to be above the second"),
        Field("windows", Kind.INTEGER, "windows scored since the row before this one"),
        Field("unreliable", Kind.INTEGER, "how many of them were above the label threshold then in force"),
        Field("alerts", Kind.INTEGER, "how many of them were above the alert threshold then in force"),
        Field("scores", Kind.TEXT, "JSON: the histogram of scores that the thresholds come from"),
    ),
    "The thresholds in force, made anew every hour for each symbol, and what the ones before achieved.",
)

SCORECARDS = Schema(
    "scorecards",
    ("model_version", "prices", "detector", "kind"),
    (
        Field("model_version", Kind.TEXT, "the version that was evaluated"),
        Field("prices", Kind.TEXT, "what it was evaluated on"),
        Field(
            "detector",
            Kind.TEXT,
            "the detector; verdict: the version with its thresholds for all symbols and its rule about stale feeds",
        ),
        Field("kind", Kind.TEXT, "the kind of anomaly, or all"),
        Field("at", Kind.TIMESTAMP, "when it was evaluated"),
        Field("ordinary_windows", Kind.INTEGER, "windows without an anomaly"),
        Field("windows", Kind.INTEGER, "windows with an anomaly of that kind"),
        Field("events", Kind.INTEGER, "anomalies with at least one window"),
        Field("roc_auc", Kind.FLOAT, "chance that a window with an anomaly scores above one without", nullable=True),
        Field("average_precision", Kind.FLOAT, "mean precision over all thresholds", nullable=True),
        Field("recall_1", Kind.FLOAT, "share of events found when 1 % of ordinary windows are flagged", nullable=True),
        Field("recall_10", Kind.FLOAT, "the same for 10 %", nullable=True),
        Field("flagged_1", Kind.FLOAT, "share of ordinary windows that is flagged for recall_1"),
        Field("flagged_10", Kind.FLOAT, "share of ordinary windows that is flagged for recall_10"),
    ),
    "How well detectors find anomalies that were put into prices: see model evaluate.",
)

PROMOTIONS = Schema(
    "promotions",
    ("at", "model_version"),
    (
        Field("at", Kind.TIMESTAMP, "when it became champion"),
        Field("model_version", Kind.TEXT, "the version that scores from then on"),
        Field("previous", Kind.TEXT, "the champion before it", nullable=True),
        Field(
            "action",
            Kind.TEXT,
            "train, promote, rollback, bootstrap (the version that comes with fsictl), share (no own one any more)",
        ),
        Field("forced", Kind.BOOLEAN, "true when its gate had refused it"),
        Field("reason", Kind.TEXT, "why it was forced, or what was given as a reason", nullable=True),
        Field(
            "symbol", Kind.TEXT, "symbol that it scores; * or null: all without a version of their own", nullable=True
        ),
    ),
    "Every change of a champion.",
)

TRANSACTIONS = Schema(
    "transactions",
    ("symbol", "timestamp", "transaction_id"),
    (
        Field("symbol", Kind.TEXT, "instrument that was traded; unknown when nobody said"),
        Field("timestamp", Kind.TIMESTAMP, "when it was done"),
        Field("transaction_id", Kind.TEXT, "identifier of the transaction"),
        Field("client_id", Kind.TEXT, "who traded"),
        Field("amount", Kind.FLOAT, "value in the account currency; below zero for a refund or a cancelled trade"),
        Field("side", Kind.TEXT, "buy or sell", nullable=True),
        Field("price", Kind.FLOAT, "price of the symbol at that moment, if it is known", nullable=True),
    ),
    "What clients bought and sold, simulated or loaded: see generate --clients and --transactions.",
)

JOB_EVENTS = Schema(
    "job_events",
    ("job_id", "round", "attempt", "state"),
    (
        Field("job_id", Kind.TEXT, "the job: workload, run date, and a hash of both and the parameters"),
        Field("round", Kind.INTEGER, "how often it was begun anew since it was first asked for; 0: the asking itself"),
        Field("attempt", Kind.INTEGER, "which attempt of that round"),
        Field("state", Kind.TEXT, "requested, again, running, succeeded, failed or cancelled"),
        Field("at", Kind.TIMESTAMP, "when it was so last: running repeats as long as the workload lives"),
        Field("since", Kind.TIMESTAMP, "when it became so"),
        Field("workload", Kind.TEXT, "what is to be done"),
        Field("run_date", Kind.TEXT, "the day that it is about, YYYY-MM-DD"),
        Field("params", Kind.TEXT, "JSON object of parameters"),
        Field("detail", Kind.TEXT, "a sentence for people; may be empty"),
        Field("result", Kind.TEXT, "JSON object: what a succeeded workload says it made", nullable=True),
    ),
    "What happened to jobs: see job list.",
)

TABLES: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        *(PRICES, METRICS, RECONERR, CALIBRATIONS, TRAINING_RUNS, SCORECARDS, PROMOTIONS, TRANSACTIONS),
        JOB_EVENTS,
    )
}
"""Every table by its name."""

TOPIC_SCHEMAS: dict[str, Schema] = {PRICES_TOPIC: PRICES, METRICS_TOPIC: METRICS, RECONERR_TOPIC: RECONERR}
"""The topics whose messages are rows, with the table that the sink writes them to."""
