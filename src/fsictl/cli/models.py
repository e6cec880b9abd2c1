"""What settings and names mean for models: which windows are cut, how they are trained on, which version is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fsictl.cli.session import Session
from fsictl.errors import InputError

if TYPE_CHECKING:
    from fsictl.model.achieved import AchievedRate
    from fsictl.model.card import Card
    from fsictl.model.making import TrainingOptions
    from fsictl.model.retraining import Retraining
    from fsictl.model.windows import WindowRules
    from fsictl.settings.schema import Settings


def window_rules(session: Session) -> WindowRules:
    """The windows that the settings ask for."""
    return window_rules_of(session.settings)


def window_rules_of(settings: Settings) -> WindowRules:
    """The windows that these settings ask for."""
    from fsictl.model.windows import WindowRules

    model, metrics = settings.model, settings.metrics
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


def need_version(session: Session, name: str) -> str:
    """The name, as the store knows it, of a version or of an alias; ``InputError`` when there is none like it."""
    from fsictl.model.aliases import alias_named

    name = alias_named(name)
    versions = session.artifacts.folders()
    if not versions:
        message = "there is no model version yet"
        raise InputError(
            message, hint="Make one with `fsictl train --now`, or take the shipped one: `fsictl model bootstrap`."
        )
    if name not in versions and name not in session.artifacts.aliases():
        message = f"there is no model version {name!r}"
        raise InputError(message, hint="`fsictl model list` shows those there are.")
    return name


def achieved(session: Session, version: str) -> list[AchievedRate]:
    """The rates that a version achieved in the streams."""
    from fsictl.model.achieved import achieved_rates

    return achieved_rates(_calibrations(session, version))


def retraining_of(session: Session, card: Card) -> Retraining:
    """Whether a version is to be replaced, by the settings."""
    from fsictl.model.bootstrap import origin_of
    from fsictl.model.retraining import RetrainingRules, retraining

    model = session.settings.model
    rules = RetrainingRules(drift_hours=model.drift_hours, most_age=model.most_age, cooldown=model.cooldown)
    newest = max((one.last for one in session.warehouse.extents("metrics")), default=card.snapshot.until)
    runs = session.warehouse.read("training_runs").to_pylist()
    scope = next((run["symbol"] for run in runs if run["model_version"] == card.version), "*")
    runs = [run for run in runs if run["symbol"] == scope]  # training one symbol is no reason to leave out all others
    since = _taken_up(session, card) if origin_of(card) else None
    return retraining(card, _calibrations(session, card.version), runs, newest=newest, rules=rules, since=since)


def _taken_up(session: Session, card: Card) -> int:
    """When a version first became a champion here, ms; its data's end if it never did."""
    rows = session.warehouse.read("promotions").to_pylist()
    return min((row["at"] for row in rows if row["model_version"] == card.version), default=card.snapshot.until)


def _calibrations(session: Session, version: str) -> list[dict[str, Any]]:
    """The rows of ``calibrations`` of a version over the last week that has some."""
    newest = max((one.last for one in session.warehouse.extents("calibrations")), default=0)
    rows = session.warehouse.read("calibrations", start=newest - 168 * 3_600_000).to_pylist()
    return [row for row in rows if row["model_version"] == version]
