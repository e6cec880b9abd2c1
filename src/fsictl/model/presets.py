"""Presets: what a version sees, and how it scores. One is ours, the other is the row to beat."""

from __future__ import annotations

from dataclasses import dataclass

from fsictl.errors import InputError
from fsictl.model.detectors.contract import AUTOENCODER, DETECTORS
from fsictl.model.features import FEATURES, LEVELS


@dataclass(frozen=True, slots=True)
class Preset:
    """Features, whether their scaling is robust, the network's activation, its score, and the detectors made."""

    name: str
    features: tuple[str, ...]
    robust: bool
    activation: str
    score: str
    detectors: tuple[str, ...]


STANDARD = Preset("standard", FEATURES, True, "tanh", "fmax", DETECTORS)
"""Relative features, robust scaling, the largest error of a feature."""

ANCESTOR = Preset("ancestor", LEVELS, False, "selu", "mse", (AUTOENCODER,))
"""As the system that this one descends from: price levels, z-scores, selu, mean squared error."""

PRESETS = {preset.name: preset for preset in (STANDARD, ANCESTOR)}
"""Every preset by its name."""


def preset_of(name: str) -> Preset:
    """The preset of that name; ``InputError`` if there is none."""
    if name not in PRESETS:
        message = f"there is no preset {name!r}"
        raise InputError(message, hint=f"Choose from {', '.join(PRESETS)}.")
    return PRESETS[name]
