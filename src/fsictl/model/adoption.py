"""What becomes of a version that was made: stored for good, and champion or challenger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from fsictl.errors import InputError
from fsictl.model.aliases import CHALLENGER, CHAMPION, ROLES, alias_of, symbol_of
from fsictl.model.card import ANOMALIES, Card
from fsictl.model.columns import Columns
from fsictl.model.data import drift
from fsictl.model.gate import (
    Check,
    GateResult,
    check_calibration,
    check_drift,
    check_latency,
    check_no_look_ahead,
    check_scorecard,
    check_scores,
    check_windows,
    judge,
)
from fsictl.model.making import MadeVersion
from fsictl.model.scorecard import Labelled, LabelledMetrics, ScorecardRow, by_detector, overall, scorecard
from fsictl.model.scoring import GraphScorer
from fsictl.model.split import WindowSplit, thinned
from fsictl.model.versions import Scorer, load_card, load_scorer, store_version
from fsictl.model.windows import WindowRules, gather
from fsictl.ports.artifacts import Artifacts

TIMED_WINDOWS = 1000

LabelledPrices = Callable[[int, int], LabelledMetrics | None]
"""Gives the stored prices of ``[start, end)`` (ms) with anomalies in them, if there are any."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """A version as it was stored, what names it now, and how it did."""

    card: Card
    alias: str | None
    scorecard: list[ScorecardRow]
    previous: str | None = None
    """What the alias named before, if the version became a champion."""
    moved: bool = False
    """Whether a champion's alias was pointed at it just now."""


def adopt_version(
    artifacts: Artifacts,
    made: MadeVersion,
    columns: Columns,
    split: WindowSplit,
    *,
    rules: WindowRules,
    streams: WindowRules | None = None,
    symbol: str | None = None,
    labelled: LabelledPrices | None = None,
) -> Adopted:
    """Judge and store a version, and point an alias at it: a champion's through the gate, else a challenger's.

    A version for one ``symbol`` is judged against the champion in force for that symbol, and becomes its own
    champion. The first version of a store becomes the shared one in any case: something must score. A version that is
    stored already keeps its card and its aliases. When another training changes the champion meanwhile, the version
    is judged against the new one.
    ``streams`` are the windows that running streams cut, if others than those of ``rules``.
    """
    version = made.card.version
    if version in artifacts.folders():
        return _stored_before(artifacts, version)
    prices = _held_out_prices(labelled, columns, split)
    while True:
        seat = _seat(artifacts, symbol)
        champion = _champion(artifacts, seat)
        gate, rows = _judge(made, columns, split, champion, rules, streams or rules, prices)
        if _seat(artifacts, symbol) != seat:
            continue
        parent = champion.version if champion else None
        card = replace(made.card, parent=parent, gate=gate.as_dict())
        if rows:
            card = replace(card, evaluation={**card.evaluation, ANOMALIES: by_detector(rows)})
        card = store_version(artifacts, card, keras_file=made.keras_file, graphs=made.graphs)
        if gate.passed and artifacts.swap(seat.champion, seat.held_by, version):
            return Adopted(card, seat.champion, rows, seat.held_by, moved=True)
        artifacts.point(seat.challenger, version)
        return Adopted(card, seat.challenger, rows)


@dataclass(frozen=True, slots=True)
class _Seat:
    """The aliases that a version may take, what the first names now, and what the shared champion is."""

    champion: str
    challenger: str
    held_by: str | None
    shared: str | None


def _seat(artifacts: Artifacts, symbol: str | None) -> _Seat:
    shared = artifacts.resolve(CHAMPION)
    own = None if symbol is None else artifacts.resolve(alias_of(CHAMPION, symbol))
    if own is None and shared is None:
        symbol = None
    held_by = shared if symbol is None else own
    return _Seat(alias_of(CHAMPION, symbol), alias_of(CHALLENGER, symbol), held_by, shared)


def _stored_before(artifacts: Artifacts, version: str) -> Adopted:
    card = load_card(artifacts, version)
    unnamed = artifacts.resolve(CHAMPION) is None and bool(card.gate.get("passed"))
    if unnamed:  # its run ended before it could be pointed at
        artifacts.point(CHAMPION, version)
    aliases = sorted(alias for alias, folder in artifacts.aliases().items() if folder == version)
    named = [alias for role in ROLES for alias in aliases if alias == role or symbol_of(alias, role)]
    return Adopted(card, named[0] if named else None, [], moved=unnamed)


def _champion(artifacts: Artifacts, seat: _Seat) -> Scorer | None:
    """The champion in force, or ``None`` when there is none that can be loaded.

    A broken one does not hold up its successor: without it, the shared one scores.
    """
    for version in filter(None, (seat.held_by, seat.shared)):
        try:
            return load_scorer(artifacts, version)
        except InputError:
            continue
    return None


def _held_out_prices(labelled: LabelledPrices | None, columns: Columns, split: WindowSplit) -> LabelledMetrics | None:
    """The prices of the time that the version was not trained on."""
    if labelled is None:
        return None
    start, last = columns.timestamp[split.calibrate].min(), columns.timestamp[split.check].max()
    return labelled(int(start), int(last) + 1)


def _judge(
    made: MadeVersion,
    columns: Columns,
    split: WindowSplit,
    champion: Scorer | None,
    rules: WindowRules,
    streams: WindowRules,
    prices: LabelledMetrics | None,
) -> tuple[GateResult, list[ScorecardRow]]:
    card = made.card
    detector = GraphScorer(made.graphs[card.detector])
    rows, champions = _scorecards(made, champion, rules, prices)
    checks: list[Check] = [
        check_scores(made.check_scores),
        check_calibration(
            made.check_scores, made.check_threshold, target=card.calibration.label_rate, length=card.length
        ),
        check_scorecard(overall(rows, card.detector), champions),
        check_latency(detector, gather(split.features, thinned(split.check, TIMED_WINDOWS), card.length)),
        check_no_look_ahead(detector, columns, np.sort(split.check), rules=rules, names=card.features),
        check_drift(_drift(champion, split, card.features)),
        check_windows(rules, streams, has_champion=champion is not None),
    ]
    return judge(checks, champion.version if champion else None), rows


def _drift(champion: Scorer | None, split: WindowSplit, names: tuple[str, ...]) -> Mapping[str, float]:
    """How far each feature is from what the champion was trained on; nothing if it sees others."""
    return drift(champion.card.data, split, names) if champion and champion.card.features == names else {}


def _scorecards(
    made: MadeVersion, champion: Scorer | None, rules: WindowRules, prices: LabelledMetrics | None
) -> tuple[list[ScorecardRow], ScorecardRow | None]:
    """The new version's scorecard, and the champion's row for all kinds if it was made for such metrics."""
    if prices is None or not prices.injected:
        return [], None
    windows = Labelled(prices, rules, made.card.features)
    if not len(windows):
        return [], None
    rows = scorecard({name: GraphScorer(graph) for name, graph in made.graphs.items()}, windows)
    own = (rules.length, rules.metrics_window, rules.rsi_window)
    if champion is None or (champion.card.length, champion.card.metrics_window, champion.card.rsi_window) != own:
        return rows, None
    if champion.card.features != made.card.features:
        windows = Labelled(prices, rules, champion.card.features)
    champions = scorecard({champion.card.detector: champion.graph}, windows)
    return rows, overall(champions, champion.card.detector)
