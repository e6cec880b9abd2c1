"""From windows to a version: scale, fit every detector, write the scoring graphs, check them, calibrate."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from fsictl.errors import CheckFailedError, InputError, NotEnoughDataError
from fsictl.model.calibration import Calibration, by_symbol, calibrate
from fsictl.model.card import Card, Snapshot
from fsictl.model.columns import Columns, Flags, Integers
from fsictl.model.data import statistics
from fsictl.model.detectors.autoencoder import autoencoder_graph, check_graph, reference_of
from fsictl.model.detectors.combination import combination_graph, fit_surprise
from fsictl.model.detectors.contract import AUTOENCODER, COMBINATION, MAHALANOBIS
from fsictl.model.detectors.graph import Array
from fsictl.model.detectors.mahalanobis import fit_mahalanobis, mahalanobis_graph
from fsictl.model.histogram import ScoreHistogram
from fsictl.model.network import Weights, build_network, set_weights, weights_of
from fsictl.model.presets import Preset, preset_of
from fsictl.model.scaler import Scaler, fit_scaler
from fsictl.model.scoring import GraphScorer, score_windows
from fsictl.model.split import WindowSplit, thinned
from fsictl.model.training import Progress, train_network
from fsictl.model.versions import graph_file, version_name
from fsictl.model.windows import WindowRules, gather

MOST_HELD_OUT = 20_000
"""Windows scored at most in each held-out part, evenly spaced: enough for every quantile asked for."""

MOST_FITTED = 40_000
"""Windows whose statistics the Mahalanobis distance is fitted on at most, evenly spaced."""

MOST_CALIBRATED = 400_000
"""Windows of the training part that calibrate the Mahalanobis distance at most, evenly spaced."""

CHECKED_WINDOWS = 512
"""Windows for which the graph is compared with Keras."""

LIBRARIES = ("numpy", "keras", "jax", "onnx", "onnxruntime")


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to train; which windows there are is said by :class:`~fsictl.model.windows.WindowRules`."""

    steps: int = 2700
    seed: int = 1
    least_windows: int = 500
    label_rate: float = 0.10
    alert_rate: float = 0.01
    preset: str = "standard"
    detector: str = MAHALANOBIS
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What else the card's ``training`` is to say about where the data comes from."""


@dataclass(frozen=True, slots=True)
class MadeVersion:
    """A version that is not stored yet.

    ``check_scores`` are those of the windows in the last held-out part, ``check_threshold`` the label threshold as
    the windows before it give it: what they may be judged by.
    """

    card: Card
    keras_file: bytes
    graphs: Mapping[str, bytes]
    check_scores: Array
    check_threshold: float


@dataclass(frozen=True, slots=True)
class _Network:
    """A trained autoencoder: its weights, its mean loss, and what the features' errors are divided by."""

    weights: Weights
    loss: float
    reference: Array
    graph: bytes
    difference: float


def make_version(
    columns: Columns,
    split: WindowSplit,
    snapshot: Snapshot,
    *,
    rules: WindowRules,
    options: TrainingOptions,
    progress: Progress,
) -> MadeVersion:
    """Fit on the first part of the windows, calibrate with the second, check on the third.

    The calibration of the card comes from all windows that are fair to it, the third part included, once the check
    has been made without them. ``NotEnoughDataError`` when a part is empty, ``CheckFailedError`` when the training
    diverges or graph and network differ.
    """
    preset = preset_of(options.preset)
    _require_parts(split)
    rows = np.unique(split.train[:, None] + np.arange(1 - rules.length, 1))
    scaler = fit_scaler(split.features[rows], robust=preset.robust)
    network = _train(split, scaler, preset, rules, options, progress)
    graphs = {AUTOENCODER: network.graph} | _other_graphs(split, scaler, network, preset, rules)
    card = _card(columns, split, snapshot, rules=rules, options=options, preset=preset, scaler=scaler, network=network)
    detector = options.detector if options.detector in graphs else AUTOENCODER
    card = replace(card, detector=detector, detectors={name: graph_file(name) for name in graphs})
    ends = _calibration_windows(split, detector)
    scores = _finite_scores(graphs[detector], split, ends)
    last = np.isin(ends, split.check)
    early = calibrate(scores[~last], label_rate=options.label_rate, alert_rate=options.alert_rate)
    card = _calibrated(card, scores, np.array(columns.symbols, dtype=object)[columns.code[ends]], options)
    card = replace(card, evaluation=_evaluation(scores, last, early))
    card = replace(card, version=version_name(card, network.weights))
    keras_file = _keras_file(network.weights, rules.length, preset)
    return MadeVersion(card, keras_file, graphs, scores[last], early.label_threshold)


def _finite_scores(graph: bytes, split: WindowSplit, ends: Integers) -> Array:
    scores = score_windows(GraphScorer(graph), split.features, ends)
    if not np.isfinite(scores).all():
        message = "the training diverged: some windows have no finite score"
        raise CheckFailedError(message, hint="Train with another seed, or with fewer steps.")
    return scores


def _evaluation(scores: Array, last: Flags, early: Calibration) -> dict[str, Any]:
    """What the thresholds of the windows before them flag of the last ones."""
    return {
        "check_windows": int(last.sum()),
        "calibration_windows": len(scores),
        "label_rate": float(np.mean(scores[last] > early.label_threshold)),
        "alert_rate": float(np.mean(scores[last] > early.alert_threshold)),
    }


def _calibrated(card: Card, scores: Array, symbols: Any, options: TrainingOptions) -> Card:
    """The card with the calibration from all of these scores, and from those of each symbol."""
    whole = calibrate(scores, label_rate=options.label_rate, alert_rate=options.alert_rate)
    return replace(card, calibration=whole, by_symbol=by_symbol(scores, symbols, whole))


def _card(
    columns: Columns,
    split: WindowSplit,
    snapshot: Snapshot,
    *,
    rules: WindowRules,
    options: TrainingOptions,
    preset: Preset,
    scaler: Scaler,
    network: _Network,
) -> Card:
    """The card as far as it is known before the detectors are calibrated."""
    return Card(
        version="",
        preset=preset.name,
        features=preset.features,
        length=rules.length,
        metrics_window=rules.metrics_window,
        rsi_window=rules.rsi_window,
        overbought=rules.overbought,
        oversold=rules.oversold,
        scaler=scaler,
        detector=AUTOENCODER,
        detectors={},
        calibration=calibrate(ScoreHistogram(), label_rate=options.label_rate, alert_rate=options.alert_rate),
        snapshot=snapshot,
        data=statistics(columns, split, preset.features),
        training={
            "seed": options.seed,
            "steps": options.steps,
            "loss": network.loss,
            "windows": len(split.train),
            "graph_difference": network.difference,
            **options.origin,
        },
        evaluation={},
        libraries={name: version(name) for name in LIBRARIES},
        code_version=_code_version(),
    )


def _require_parts(split: WindowSplit) -> None:
    if all(len(part) for part in (split.train, split.calibrate, split.check)):
        return
    message = f"the {split.windows} windows found lie too close together in time to train, calibrate and check"
    raise NotEnoughDataError(message, hint="Train on more hours.")


def _train(
    split: WindowSplit,
    scaler: Scaler,
    preset: Preset,
    rules: WindowRules,
    options: TrainingOptions,
    progress: Progress,
) -> _Network:
    """The autoencoder with its graph, which is compared with Keras."""
    network, loss = train_network(
        scaler.transform(split.features),
        split.train,
        length=rules.length,
        steps=options.steps,
        seed=options.seed,
        activation=preset.activation,
        progress=progress,
    )
    weights = weights_of(network)
    ones = np.ones(len(preset.features), dtype=np.float32)
    shape: dict[str, Any] = {
        "length": rules.length,
        "scaler": scaler,
        "score": preset.score,
        "activation": preset.activation,
    }
    plain = GraphScorer(autoencoder_graph(weights, reference=ones, **shape))
    held_out = plain.score(gather(split.features, thinned(split.calibrate, MOST_HELD_OUT), rules.length))
    if not np.isfinite(held_out.feature_errors).all():
        message = "the training diverged: some held-out windows have no finite score"
        raise CheckFailedError(message, hint="Train with another seed, or with fewer steps.")
    windows = gather(split.features, thinned(split.check, CHECKED_WINDOWS), rules.length)
    scaled = scaler.transform(windows)
    repeated = network.predict(scaled, batch_size=len(scaled), verbose=0)
    expected = ((repeated - scaled) ** 2).mean(axis=1)
    difference = check_graph(plain.score(windows).feature_errors, expected)
    reference = reference_of(held_out.feature_errors) if preset.score == "fmax" else ones
    return _Network(weights, loss, reference, autoencoder_graph(weights, reference=reference, **shape), difference)


def _other_graphs(
    split: WindowSplit, scaler: Scaler, network: _Network, preset: Preset, rules: WindowRules
) -> dict[str, bytes]:
    """The graphs of the preset's other detectors."""
    if preset.detectors == (AUTOENCODER,):
        return {}
    shape: dict[str, Any] = {"length": rules.length, "scaler": scaler}
    fitted = gather(split.features, thinned(split.train, MOST_FITTED), rules.length)
    whitening = fit_mahalanobis(scaler.transform(fitted))
    mahalanobis = mahalanobis_graph(whitening, **shape)
    held_out = gather(split.features, thinned(split.calibrate, MOST_HELD_OUT), rules.length)
    surprises = tuple(fit_surprise(GraphScorer(graph).score(held_out).score) for graph in (network.graph, mahalanobis))
    combination = combination_graph(
        network.weights, whitening, reference=network.reference, surprises=(surprises[0], surprises[1]), **shape
    )
    return {MAHALANOBIS: mahalanobis, COMBINATION: combination}


def _calibration_windows(split: WindowSplit, detector: str) -> Integers:
    """The windows whose scores calibrate, oldest first.

    The autoencoder has learned its training windows and scores them too low: only held-out ones are fair. A
    Mahalanobis distance has some hundred numbers for thousands of windows, so that all are, which makes 24 hours
    of scores of 24 hours of data.
    """
    held_out = np.concatenate([thinned(split.calibrate, MOST_HELD_OUT), thinned(split.check, MOST_HELD_OUT)])
    if detector != MAHALANOBIS:
        return held_out
    return np.concatenate([thinned(split.train, MOST_CALIBRATED), split.calibrate, split.check])


def _code_version() -> str:
    try:
        return version("fsictl")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "source"


def _keras_file(weights: Weights, length: int, preset: Preset) -> bytes:
    """The network as a ``.keras`` file, without the optimizer's state."""
    network = build_network(length, len(preset.features), preset.activation)
    set_weights(network, weights)
    with tempfile.TemporaryDirectory(prefix="fsictl-") as directory:
        path = Path(directory) / "model.keras"
        network.save(path)
        return path.read_bytes()


def check_detector(name: str, preset: str) -> None:
    """Raise ``InputError`` unless a version of that preset may score with that detector."""
    if name not in preset_of(preset).detectors:
        message = f"the preset {preset} has no detector {name!r}"
        raise InputError(message, hint=f"It has {', '.join(preset_of(preset).detectors)}.")
