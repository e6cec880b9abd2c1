"""A model version of chance: random weights, good for nothing but comparing engines, and made in no time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fsictl import __version__
from fsictl.errors import InputError
from fsictl.model.aliases import CHAMPION
from fsictl.model.calibration import calibrate
from fsictl.model.card import Card, Snapshot
from fsictl.model.detectors.autoencoder import autoencoder_graph
from fsictl.model.detectors.contract import AUTOENCODER
from fsictl.model.features import FEATURES
from fsictl.model.network import INNER_UNITS, OUTER_UNITS, Weights
from fsictl.model.scaler import Scaler
from fsictl.model.versions import graph_file, store_version
from fsictl.model.windows import WindowRules


@dataclass
class MemoryArtifacts:
    """:class:`~fsictl.ports.artifacts.Artifacts` in memory; it can travel to workers."""

    stored: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        self.stored[folder] = dict(files)

    def get(self, folder: str, file: str) -> bytes:
        if file not in self.stored.get(folder, {}):
            message = f"there is no {folder}/{file}"
            raise InputError(message, hint="Store it first.")
        return self.stored[folder][file]

    def folders(self) -> list[str]:
        return sorted(self.stored)

    def point(self, alias: str, folder: str) -> None:
        self.names[alias] = folder

    def swap(self, alias: str, expected: str | None, folder: str) -> bool:
        if self.names.get(alias) != expected:
            return False
        self.names[alias] = folder
        return True

    def forget(self, alias: str) -> None:
        self.names.pop(alias, None)

    def resolve(self, alias: str) -> str | None:
        return self.names.get(alias)

    def aliases(self) -> dict[str, str]:
        return dict(self.names)

    def __call__(self) -> MemoryArtifacts:
        """Itself, where a function is asked for that opens the store on a worker."""
        return self


def champion_of_chance(rules: WindowRules, *, seed: int, version: str = "chance") -> MemoryArtifacts:
    """A store whose champion, of that name, has seeded random weights and fits the rules."""
    rng = np.random.default_rng(seed)
    card = Card(
        version=version,
        preset="standard",
        features=FEATURES,
        length=rules.length,
        metrics_window=rules.metrics_window,
        rsi_window=rules.rsi_window,
        overbought=rules.overbought,
        oversold=rules.oversold,
        scaler=Scaler((0.0,) * len(FEATURES), (1.0,) * len(FEATURES)),
        detector=AUTOENCODER,
        detectors={AUTOENCODER: graph_file(AUTOENCODER)},
        calibration=calibrate(np.linspace(0.0, 4.0, 200, dtype=np.float32), label_rate=0.3, alert_rate=0.1),
        snapshot=Snapshot((), 0, 0, 0, ""),
        training={"seed": seed},
        evaluation={},
        libraries={},
        code_version=__version__,
    )
    reference = np.ones(len(FEATURES), dtype=np.float32)
    graph = autoencoder_graph(_weights(rng), length=rules.length, scaler=card.scaler, reference=reference)
    artifacts = MemoryArtifacts()
    store_version(artifacts, card, keras_file=b"", graphs={AUTOENCODER: graph})
    artifacts.point(CHAMPION, card.version)
    return artifacts


def _weights(rng: np.random.Generator) -> Weights:
    weights, inputs = [], len(FEATURES)
    for units in (OUTER_UNITS, INNER_UNITS, INNER_UNITS, OUTER_UNITS):
        shapes = [(inputs, 4 * units), (units, 4 * units), (4 * units,)]
        weights += [0.3 * rng.standard_normal(shape).astype(np.float32) for shape in shapes]
        weights += [rng.uniform(0.5, 1.5, units).astype(np.float32) for _ in range(4)]
        inputs = units
    shapes_out: list[tuple[int, ...]] = [(inputs, len(FEATURES)), (len(FEATURES),)]
    return weights + [0.3 * rng.standard_normal(shape).astype(np.float32) for shape in shapes_out]
