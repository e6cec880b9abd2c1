"""What becomes of a version that was made: stored for good, and champion or challenger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fsictl.errors import InputError
from fsictl.model.card import Card
from fsictl.model.gate import GateResult, judge
from fsictl.model.making import MOST_HELD_OUT, MadeVersion
from fsictl.model.split import WindowSplit, thinned
from fsictl.model.versions import CHALLENGER, CHAMPION, Scorer, load_alias, load_card, store_version
from fsictl.model.windows import gather
from fsictl.ports.artifacts import Artifacts


def adopt_version(artifacts: Artifacts, made: MadeVersion, split: WindowSplit) -> tuple[Card, str | None]:
    """Judge and store a version and point an alias at it; returns its card as stored, and the alias.

    ``champion`` without another champion that can be loaded, or through the gate; else ``challenger``. A version
    that is stored already keeps its card and its aliases.
    """
    version = made.card.version
    if version in artifacts.folders():
        if artifacts.resolve(CHAMPION) is None:  # a run that stored it ended before it could be pointed at
            artifacts.point(CHAMPION, version)
        named = [alias for alias in (CHAMPION, CHALLENGER) if artifacts.resolve(alias) == version]
        return load_card(artifacts, version), named[0] if named else None
    champion = _champion(artifacts)
    gate = _judge(made, split, champion)
    parent = champion.version if champion else None
    card = replace(made.card, parent=parent, gate=gate.as_dict())
    card = store_version(artifacts, card, keras_file=made.keras_file, graph=made.graph)
    alias = CHAMPION if champion is None or gate.passed else CHALLENGER
    artifacts.point(alias, version)
    return card, alias


def _champion(artifacts: Artifacts) -> Scorer | None:
    """The champion, or ``None`` when there is none that can be loaded: a broken one does not hold up its successor."""
    try:
        return load_alias(artifacts, CHAMPION)
    except InputError:
        return None


def _judge(made: MadeVersion, split: WindowSplit, champion: Scorer | None) -> GateResult:
    champion_rate = None
    card = made.card
    same = champion is not None and (champion.card.length, champion.card.metrics_window, champion.card.rsi_window) == (
        card.length,
        card.metrics_window,
        card.rsi_window,
    )
    if champion is not None and same:
        windows = gather(split.features, thinned(split.check, MOST_HELD_OUT), card.length)
        scores = champion.graph.score(windows).score
        champion_rate = float(np.mean(scores > champion.card.calibration.label_threshold))
    return judge(
        made.check_scores,
        made.check_threshold,
        target_rate=card.calibration.label_rate,
        champion=champion.version if champion else None,
        champion_label_rate=champion_rate,
    )
