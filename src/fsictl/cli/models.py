"""What settings and names mean for models: which windows are cut, how they are trained on, which version is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsictl.cli.session import Session
from fsictl.errors import InputError

if TYPE_CHECKING:
    from fsictl.model.making import TrainingOptions
    from fsictl.model.windows import WindowRules


def window_rules(session: Session) -> WindowRules:
    """The windows that the settings ask for."""
    from fsictl.model.windows import WindowRules

    model, metrics = session.settings.model, session.settings.metrics
    return WindowRules(
        length=model.window,
        overbought=model.overbought,
        oversold=model.oversold,
        stale_after=model.stale_after,
        most_filled=model.most_filled,
        metrics_window=metrics.window,
        rsi_window=metrics.rsi_window or metrics.window,
    )


def training_options(session: Session, preset: str) -> TrainingOptions:
    """The training that the settings ask for, with a preset."""
    from fsictl.model.making import TrainingOptions

    model = session.settings.model
    return TrainingOptions(
        steps=model.steps,
        seed=model.seed,
        least_windows=model.least_windows,
        label_rate=model.label_rate,
        alert_rate=model.alert_rate,
        preset=preset,
        detector=model.detector if preset == "standard" else "autoencoder",
    )


def need_version(session: Session, name: str) -> None:
    """Raise ``InputError`` unless ``name`` is that of a stored version, or an alias that was given to one."""
    versions = session.artifacts.folders()
    if not versions:
        message = "there is no model version yet"
        raise InputError(message, hint="Make one with `fsictl train --now`.")
    if name not in versions and name not in session.artifacts.aliases():
        message = f"there is no model version {name!r}"
        raise InputError(message, hint="`fsictl model list` shows those there are.")
