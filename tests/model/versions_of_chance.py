"""A version with random weights: enough for everything but training, and made without Keras."""

from __future__ import annotations

import numpy as np

from fsictl.model.calibration import calibrate
from fsictl.model.card import Card, Snapshot
from fsictl.model.detectors.autoencoder import autoencoder_graph
from fsictl.model.features import FEATURES
from fsictl.model.network import INNER_UNITS, OUTER_UNITS
from fsictl.model.scaler import Scaler
from fsictl.model.scoring import GraphScorer
from fsictl.model.versions import Scorer
from fsictl.model.windows import WindowRules

RULES = WindowRules(rsi_window=60)


def random_weights(seed: int = 0, inputs: int = len(FEATURES)) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    weights, count = [], inputs
    for units in (OUTER_UNITS, INNER_UNITS, INNER_UNITS, OUTER_UNITS):
        shapes = [(inputs, 4 * units), (units, 4 * units), (4 * units,)]
        weights += [0.3 * rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        weights += [rng.uniform(0.5, 1.5, units).astype(np.float32) for _ in range(4)]
        inputs = units
    shapes = [(inputs, count), (count,)]
    return weights + [0.3 * rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def random_card(version: str, rules: WindowRules = RULES) -> Card:
    return Card(
        version=version,
        preset="standard",
        features=FEATURES,
        length=rules.length,
        metrics_window=rules.metrics_window,
        rsi_window=rules.rsi_window,
        overbought=rules.overbought,
        oversold=rules.oversold,
        scaler=Scaler((0.0,) * 6, (1.0,) * 6),
        detector="autoencoder",
        detectors={"autoencoder": "autoencoder.onnx"},
        calibration=calibrate(np.linspace(1.0, 3.5, 200, dtype=np.float32), label_rate=0.3, alert_rate=0.1),
        snapshot=Snapshot(("EURUSD",), 1_599_917_600_000, 1_600_004_000_000, 4000, "0" * 64),
        training={"seed": 1},
        evaluation={"label_rate": 0.1},
        libraries={"numpy": np.__version__},
        code_version="0.1.0",
    )


def random_graph(seed: int = 0, rules: WindowRules = RULES) -> bytes:
    card = random_card("", rules)
    reference = np.ones(6, dtype=np.float32)
    return autoencoder_graph(random_weights(seed), length=rules.length, scaler=card.scaler, reference=reference)


def random_scorer(version: str = "20200913T133320-chance", seed: int = 0, rules: WindowRules = RULES) -> Scorer:
    return Scorer(random_card(version, rules), GraphScorer(random_graph(seed, rules)))
