"""From windows to a version: scale, train, write the scoring graph, check it, calibrate it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.errors import CheckFailedError, NotEnoughDataError
from fsictl.model.calibration import Calibration, calibrate
from fsictl.model.card import Card, Snapshot
from fsictl.model.features import FEATURES
from fsictl.model.graph import build_graph, check_graph
from fsictl.model.network import Weights, build_network, set_weights, weights_of
from fsictl.model.scaler import Scaler, fit_scaler
from fsictl.model.scoring import GraphScorer
from fsictl.model.split import WindowSplit, thinned
from fsictl.model.training import Progress, train_network
from fsictl.model.versions import version_name
from fsictl.model.windows import WindowRules, gather

REFERENCE_RATE = 0.1
"""Share of held-out windows whose error in a feature exceeds that feature's reference."""

LEAST_REFERENCE = 1e-4
"""Smallest reference error, for a feature that never moves."""

MOST_HELD_OUT = 20_000
"""Windows scored at most in each held-out part, evenly spaced: enough for every quantile asked for."""

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


@dataclass(frozen=True, slots=True)
class MadeVersion:
    """A version that is not stored yet. ``check_scores`` are those of the windows in the last held-out part.

    ``check_threshold`` is the label threshold as the part before it gives it: what they may be judged by.
    """

    card: Card
    keras_file: bytes
    graph: bytes
    check_scores: npt.NDArray[np.float32]
    check_threshold: float


def make_version(
    split: WindowSplit, snapshot: Snapshot, *, rules: WindowRules, options: TrainingOptions, progress: Progress
) -> MadeVersion:
    """Train on the first part of the windows, calibrate on the second, check on the third.

    The thresholds of the card come from both held-out parts together, once the check has been made with the first
    of them alone. ``NotEnoughDataError`` when a part is empty, ``CheckFailedError`` when graph and network differ.
    """
    if not all(len(part) for part in (split.train, split.calibrate, split.check)):
        message = f"the {split.windows} windows found lie too close together in time to train, calibrate and check"
        raise NotEnoughDataError(message, hint="Train on more hours.")
    scaler = fit_scaler(split.features[np.unique(split.train[:, None] + np.arange(1 - rules.length, 1))])
    network, loss = train_network(
        scaler.transform(split.features),
        split.train,
        length=rules.length,
        steps=options.steps,
        seed=options.seed,
        progress=progress,
    )
    weights = weights_of(network)
    calibration_errors, check_errors = _held_out_errors(weights, scaler, split, rules.length)
    reference = np.quantile(calibration_errors, 1 - REFERENCE_RATE, axis=0).astype(np.float32)
    reference = np.maximum(reference, np.float32(LEAST_REFERENCE))
    graph = build_graph(weights, length=rules.length, scaler=scaler, reference=reference)
    windows = gather(split.features, thinned(split.check, CHECKED_WINDOWS), rules.length)
    difference = _compare(network, GraphScorer(graph), windows, scaler, reference)
    calibration_scores, check_scores = ((part / reference).max(axis=1) for part in (calibration_errors, check_errors))
    rates = {"label_rate": options.label_rate, "alert_rate": options.alert_rate}
    early = calibrate(calibration_scores, **rates)
    card = Card(
        version="",
        features=FEATURES,
        length=rules.length,
        metrics_window=rules.metrics_window,
        rsi_window=rules.rsi_window,
        overbought=rules.overbought,
        oversold=rules.oversold,
        scaler=scaler,
        reference=tuple(map(float, reference)),
        calibration=calibrate(np.concatenate([calibration_scores, check_scores]), **rates),
        snapshot=snapshot,
        training={"seed": options.seed, "steps": options.steps, "loss": loss, "windows": len(split.train)},
        evaluation=_evaluate(early, check_scores, check_errors)
        | {"calibration_windows": len(calibration_scores), "graph_difference": difference},
        libraries={name: version(name) for name in LIBRARIES},
        code_version=_code_version(),
    )
    card = replace(card, version=version_name(card, weights))
    return MadeVersion(card, _keras_file(weights, rules.length), graph, check_scores, early.label_threshold)


def _held_out_errors(
    weights: Weights, scaler: Scaler, split: WindowSplit, length: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Mean squared errors per feature of the windows to calibrate and to check with, not normalised yet."""
    ones = np.ones(len(FEATURES), dtype=np.float32)
    scorer = GraphScorer(build_graph(weights, length=length, scaler=scaler, reference=ones))
    calibration, check = (
        scorer.score(gather(split.features, thinned(part, MOST_HELD_OUT), length)).feature_errors
        for part in (split.calibrate, split.check)
    )
    if not (np.isfinite(calibration).all() and np.isfinite(check).all()):
        message = "the training diverged: some held-out windows have no finite score"
        raise CheckFailedError(message, hint="Train with another seed, or with fewer steps.")
    return calibration, check


def _evaluate(early: Calibration, scores: npt.NDArray[np.float32], errors: npt.NDArray[np.float32]) -> dict[str, Any]:
    """What came true, in the last part of the windows, of what the part before it promised."""
    return {
        "check_windows": len(scores),
        "label_rate": float(np.mean(scores > early.label_threshold)),
        "alert_rate": float(np.mean(scores > early.alert_threshold)),
        "mean_squared_error": float(errors.mean()),
        "feature_errors": dict(zip(FEATURES, map(float, errors.mean(axis=0)), strict=True)),
    }


def _code_version() -> str:
    try:
        return version("fsictl")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "source"


def _compare(
    network: Any,
    graph: GraphScorer,
    windows: npt.NDArray[np.float32],
    scaler: Scaler,
    reference: npt.NDArray[np.float32],
) -> float:
    scaled = scaler.transform(windows)
    reconstruction = network.predict(scaled, batch_size=len(scaled), verbose=0)
    expected = ((reconstruction - scaled) ** 2).mean(axis=1)
    return check_graph(graph.score(windows).feature_errors * reference, expected)


def _keras_file(weights: Weights, length: int) -> bytes:
    """The network as a ``.keras`` file, without the optimizer's state."""
    network = build_network(length, len(FEATURES))
    set_weights(network, weights)
    with tempfile.TemporaryDirectory(prefix="fsictl-") as directory:
        path = Path(directory) / "model.keras"
        network.save(path)
        return path.read_bytes()
