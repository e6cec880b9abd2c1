"""Everything that a version is compared with on a scorecard: its own detectors, simple baselines, the ancestor."""

from __future__ import annotations

from collections.abc import Mapping

from fsictl.errors import InputError
from fsictl.model.card import Card
from fsictl.model.dataset import read_range
from fsictl.model.detectors.baselines import LargestValue, fit_forest, fit_principal_components
from fsictl.model.detectors.contract import Detector
from fsictl.model.making import MOST_FITTED
from fsictl.model.presets import ANCESTOR
from fsictl.model.scorecard import Labelled, LabelledMetrics, ScorecardRow, scorecard, verdict_rows
from fsictl.model.split import split_windows, thinned
from fsictl.model.versions import Scorer, load_card, load_detector
from fsictl.model.windows import WindowRules, gather
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse


def rules_of(card: Card, rules: WindowRules) -> WindowRules:
    """Windows as the version was made for, stale by the rules given."""
    return WindowRules(
        card.length,
        card.overbought,
        card.oversold,
        rules.stale_after,
        rules.most_filled,
        card.metrics_window,
        card.rsi_window,
    )


def compare(
    artifacts: Artifacts, warehouse: Warehouse, scorer: Scorer, metrics: LabelledMetrics, rules: WindowRules
) -> list[ScorecardRow]:
    """The scorecard of a version, its baselines, and the newest ancestor there is, on the same labelled metrics.

    ``rules`` are the version's own: see :func:`rules_of`. Empty when there is no window with an anomaly, or none
    without.
    """
    card = scorer.card
    windows = Labelled(metrics, rules, card.features)
    if not len(windows):
        return []
    detectors: dict[str, Detector] = {name: load_detector(artifacts, card, name) for name in card.detectors}
    rows = verdict_rows(scorer, windows) + scorecard(detectors | dict(baselines(warehouse, card, rules)), windows)
    rival = _ancestor(artifacts, card)
    if rival is not None:
        graph = load_detector(artifacts, rival, rival.detector)
        rows += scorecard({ANCESTOR.name: graph}, Labelled(metrics, rules, rival.features))
    return rows


def baselines(warehouse: Warehouse, card: Card, rules: WindowRules) -> Mapping[str, Detector]:
    """Baselines fitted on the windows that the version was trained on, as far as their rows are still stored."""
    found: dict[str, Detector] = {"max abs z": LargestValue(card.scaler)}
    snapshot = card.snapshot
    columns = read_range(warehouse, snapshot.symbols, snapshot.since, snapshot.until)
    split = split_windows(columns, rules, card.features)
    if not len(split.train):
        return found
    windows = gather(split.features, thinned(split.train, MOST_FITTED), rules.length)
    found["PCA"] = fit_principal_components(windows, card.scaler)
    forest = fit_forest(windows, card.scaler, seed=int(card.training.get("seed", 1)))
    if forest is not None:
        found["IsolationForest"] = forest
    return found


def _ancestor(artifacts: Artifacts, card: Card) -> Card | None:
    """The newest version of the preset ``ancestor`` for the same windows and metrics, other than this one."""
    cards = []
    for name in artifacts.folders():
        try:
            cards.append(load_card(artifacts, name))
        except InputError:
            continue  # a damaged version is nobody's rival
    own = (card.length, card.metrics_window, card.rsi_window)
    fitting = [
        one
        for one in cards
        if one.preset == ANCESTOR.name
        and one.version != card.version
        and (one.length, one.metrics_window, one.rsi_window) == own
    ]
    return max(fitting, key=lambda one: one.created_at, default=None)
