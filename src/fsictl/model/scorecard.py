"""The scorecard: which anomalies that were put into prices does a detector find, and at what price in false alarms?

Thresholds are set on ordinary windows of the same prices without anomalies, so that detectors are compared by how
they rank windows and not by how they were calibrated. What the calibrated version says is a row of its own,
``verdict``: there 10 % stands for "unreliable" and 1 % for an alert.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fsictl.model.columns import Columns, Flags, Integers
from fsictl.model.detectors.contract import Detector
from fsictl.model.detectors.graph import Array
from fsictl.model.features import features_of, history_rows
from fsictl.model.ranking import average_precision, roc_auc
from fsictl.model.split import thinned
from fsictl.model.versions import Scorer
from fsictl.model.windows import ROW_MS, WindowRules, cut_windows, gather, is_stale, run_lengths
from fsictl.records.arrow import table_of
from fsictl.records.schemas import SCORECARDS

if TYPE_CHECKING:
    import pyarrow as pa

ALL = "all"
VERDICT = "verdict"

MOST_ORDINARY = 40_000
MOST_ANOMALOUS = 40_000
"""Windows of each sort that are scored at most, evenly spaced."""

LEAST_WINDOWS = 20
"""Anomalous windows of a kind below which no ROC-AUC is given."""


@dataclass(frozen=True, slots=True)
class Label:
    """An anomaly of some kind in ``[start_ms, end_ms)`` of one symbol."""

    symbol: str
    start_ms: int
    end_ms: int
    kind: str


@dataclass(frozen=True, slots=True)
class LabelledMetrics:
    """Metrics of prices as they were, and of the same prices with labelled anomalies, once or more often.

    ``prices`` says in a few words which ones; only windows that end at ``since`` (ms) or later count.
    """

    prices: str
    clean: Columns
    injected: Sequence[tuple[Columns, Sequence[Label]]]
    since: int = 0


FIGURES = ("windows", "events", "roc_auc", "average_precision", "recall_1", "recall_10")
"""What a card says of each detector and kind of anomaly."""


@dataclass(frozen=True, slots=True)
class ScorecardRow:
    """One detector and kind of anomaly; NaN where there is too little to tell.

    ``flagged_1`` and ``flagged_10`` are the shares of ordinary windows flagged where ``recall_1`` and ``recall_10``
    of the events are found: 1 % and 10 % but for the verdict, which has thresholds of its own.
    """

    detector: str
    kind: str
    ordinary_windows: int
    windows: int
    events: int
    roc_auc: float
    average_precision: float
    recall_1: float
    recall_10: float
    flagged_1: float = 0.01
    flagged_10: float = 0.1


class Labelled:
    """The windows of labelled metrics for one set of features, cut by the rules that are used live."""

    def __init__(self, metrics: LabelledMetrics, rules: WindowRules, features: tuple[str, ...]) -> None:
        self.kinds = sorted({label.kind for _, labels in metrics.injected for label in labels})
        self.prices = metrics.prices
        ends = _ends(metrics.clean, rules, metrics.since)
        ends = thinned(ends[~is_stale(metrics.clean, ends, rules)], MOST_ORDINARY)
        self.ordinary = gather(
            features_of(metrics.clean, metrics_window=rules.metrics_window, names=features), ends, rules.length
        )
        parts = list(_anomalous(metrics, rules, features, self.kinds))
        self.anomalous: Array = np.concatenate([part[0] for part in parts])
        self.kind: Integers = np.concatenate([part[1] for part in parts])
        self.event: Integers = np.concatenate([part[2] for part in parts])
        self.stale: Flags = np.concatenate([part[3] for part in parts])

    def __len__(self) -> int:
        return min(len(self.ordinary), len(self.anomalous))


def _ends(columns: Columns, rules: WindowRules, since: int) -> Integers:
    runs = run_lengths(columns.code, columns.timestamp)
    ends = cut_windows(columns, runs, rules)
    enough = runs[ends] >= rules.length + history_rows(rules.metrics_window)
    return ends[enough & (columns.timestamp[ends] >= since)]


def _anomalous(
    metrics: LabelledMetrics, rules: WindowRules, features: tuple[str, ...], kinds: Sequence[str]
) -> Iterable[tuple[Array, Integers, Integers, Flags]]:
    """Windows with a labelled second in them, the kind and number of the last event they touch, and staleness."""
    number = 0
    for columns, labels in metrics.injected:
        kind, event = np.full(len(columns), -1), np.full(len(columns), -1)
        for label in labels:
            number += 1
            if label.symbol not in columns.symbols:
                continue
            reach = label.end_ms + (rules.length - 1) * ROW_MS
            mine = columns.code == columns.symbols.index(label.symbol)
            mine &= (columns.timestamp >= label.start_ms) & (columns.timestamp < reach)
            kind[mine], event[mine] = kinds.index(label.kind), number
        ends = _ends(columns, rules, metrics.since)
        ends = thinned(ends[kind[ends] >= 0], MOST_ANOMALOUS // len(metrics.injected))
        values = features_of(columns, metrics_window=rules.metrics_window, names=features)
        stale = is_stale(columns, ends, rules)
        yield gather(values, ends, rules.length), kind[ends], event[ends], stale


def scorecard(detectors: Mapping[str, Detector], labelled: Labelled) -> list[ScorecardRow]:
    """A row for each detector and kind, and one for all kinds together."""
    rows = []
    for name, detector in detectors.items():
        ordinary, anomalous = (_scores(detector, part) for part in (labelled.ordinary, labelled.anomalous))
        thresholds = [float(np.quantile(ordinary, 1 - rate)) for rate in (0.01, 0.1)]
        found = [anomalous > threshold for threshold in thresholds]
        for kind in (ALL, *labelled.kinds):
            mine = _mine(labelled, kind)
            enough = int(mine.sum()) >= LEAST_WINDOWS
            rows.append(
                ScorecardRow(
                    name,
                    kind,
                    len(ordinary),
                    int(mine.sum()),
                    len(np.unique(labelled.event[mine])),
                    roc_auc(ordinary, anomalous[mine]) if enough else math.nan,
                    average_precision(ordinary, anomalous[mine]) if enough else math.nan,
                    *(_recall(labelled, mine, one) for one in found),
                )
            )
    return rows


def verdict_rows(scorer: Scorer, labelled: Labelled) -> list[ScorecardRow]:
    """What the version says as it is: by the thresholds of its card, and by the rule about stale feeds."""
    ordinary, anomalous = (_scores(scorer.graph, part) for part in (labelled.ordinary, labelled.anomalous))
    calibration = scorer.card.calibration
    alert = (calibration.p_values(anomalous) <= calibration.alert_rate) & ~labelled.stale
    unreliable = (anomalous > calibration.label_threshold) | labelled.stale
    flagged = (
        float(np.mean(calibration.p_values(ordinary) <= calibration.alert_rate)),
        float(np.mean(ordinary > calibration.label_threshold)),
    )
    rows = []
    for kind in (ALL, *labelled.kinds):
        mine = _mine(labelled, kind)
        events = len(np.unique(labelled.event[mine]))
        rows.append(
            ScorecardRow(
                VERDICT,
                kind,
                len(ordinary),
                int(mine.sum()),
                events,
                roc_auc=math.nan,
                average_precision=math.nan,
                recall_1=_recall(labelled, mine, alert),
                recall_10=_recall(labelled, mine, unreliable),
                flagged_1=flagged[0],
                flagged_10=flagged[1],
            )
        )
    return rows


def by_detector(rows: Iterable[ScorecardRow]) -> dict[str, dict[str, dict[str, float | None]]]:
    """The figures of each detector and kind, for a card; ``None`` where there is too little to tell."""
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for row in rows:
        figures = {name: getattr(row, name) for name in FIGURES}
        told = {name: None if math.isnan(value) else value for name, value in figures.items()}
        found.setdefault(row.detector, {})[row.kind] = told
    return found


def _scores(detector: Detector, windows: Array) -> Array:
    """Scores; what is not a number counts as the most anomalous there is."""
    blocks = [detector.score(windows[i : i + 4096]).score for i in range(0, len(windows), 4096)]
    scores: Array = np.concatenate([np.empty(0, np.float32), *blocks])
    scores[np.isnan(scores)] = np.finfo(np.float32).max
    return scores


def _mine(labelled: Labelled, kind: str) -> Flags:
    if kind == ALL:
        return np.ones(len(labelled.kind), np.bool_)
    mine: Flags = labelled.kind == labelled.kinds.index(kind)
    return mine


def _recall(labelled: Labelled, mine: Flags, found: Flags) -> float:
    """The share of events of which at least one window was found."""
    events = np.unique(labelled.event[mine])
    return len(np.unique(labelled.event[mine & found])) / len(events) if len(events) else math.nan


def overall(rows: Iterable[ScorecardRow], detector: str) -> ScorecardRow | None:
    """The row of that detector for all kinds together."""
    return next((row for row in rows if (row.detector, row.kind) == (detector, ALL)), None)


def scorecard_table(rows: Sequence[ScorecardRow], *, version: str, prices: str, at: int) -> pa.Table:
    """The rows as those of the table ``scorecards``."""
    same = {"model_version": version, "prices": prices, "at": at}
    columns = {
        name: np.array([getattr(row, name) for row in rows], dtype=np.float64)
        if SCORECARDS.field(name).nullable
        else [same.get(name, getattr(row, name, None)) for row in rows]
        for name in SCORECARDS.names
    }
    return table_of(SCORECARDS, columns)
