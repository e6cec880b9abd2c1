"""``fsictl model``: versions and where they come from."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli.champions import bootstrap, promote, rollback
from fsictl.cli.command import command, group
from fsictl.cli.evaluate import evaluate
from fsictl.cli.models import need_version
from fsictl.cli.output import number_text, time_text
from fsictl.cli.serve import export, serve
from fsictl.cli.session import Session
from fsictl.errors import InputError

if TYPE_CHECKING:
    from fsictl.model.card import Card

app = group("model", "Look at model versions and their data, and choose the one that scores.")


def register(parent: typer.Typer) -> None:
    """Add the group to the program."""
    parent.add_typer(app)


@command(app, "list")
def list_(session: Session) -> None:
    """List the stored versions, the newest first."""
    from fsictl.model.aliases import shown
    from fsictl.model.versions import load_card

    session.need_workspace()
    names: dict[str, str] = {}
    for alias, folder in sorted(session.artifacts.aliases().items()):
        names[folder] = f"{names[folder]}, {shown(alias)}" if folder in names else shown(alias)
    rows = []
    for folder in session.artifacts.folders():
        try:
            card = load_card(session.artifacts, folder)
        except InputError as error:
            rows.append({"version": folder, "alias": names.get(folder), "created_ms": 0, "note": str(error)})
        else:
            rows.append({**_summary(card), "alias": names.get(folder)})
    rows.sort(key=lambda row: int(str(row["created_ms"])), reverse=True)
    session.output.rows(
        rows,
        {
            "version": "version",
            "alias": "alias",
            "created": "made (UTC)",
            "symbols": "trained on",
            "until": "data until (UTC)",
            "windows": "windows",
            "detector": "detector",
            "gate": "gate",
            "note": "note",
        },
        empty="No version yet. Make one with `fsictl train --now`.",
    )


def _summary(card: Card) -> dict[str, Any]:
    symbols = card.snapshot.symbols
    return {
        "version": card.version,
        "created": time_text(card.created_at),
        "created_ms": card.created_at,
        "symbols": ", ".join(symbols) if len(symbols) <= 3 else f"{len(symbols)} symbols",
        "until": time_text(card.snapshot.until),
        "windows": card.training.get("windows"),
        "detector": card.detector,
        "gate": ("passed" if card.gate["passed"] else "refused") if card.gate else None,
    }


@command(app, "show")
def show(
    session: Session,
    version: Annotated[str, typer.Argument(help="A version, or champion or challenger.")] = "champion",
) -> None:
    """Show a version's card: data, training, evaluation, calibration, gate, files."""
    from fsictl.model.versions import CARD_FILE, load_card

    session.need_workspace()
    version = need_version(session, version)
    card = load_card(session.artifacts, version)
    if session.output.as_json:
        session.output.document(json.loads(session.artifacts.get(card.version, CARD_FILE)))
        return
    told = _told(card) | _scorecard(session, card) | _lately(session, card)
    rows = [{"what": key, "value": value} for key, value in told.items()]
    session.output.rows(rows, {"what": "", "value": ""}, title=f"Model version {card.version}")


def _told(card: Card) -> dict[str, str]:
    """The card in words."""
    snapshot, calibration = card.snapshot, card.calibration
    flat = {
        "made": f"{time_text(card.created_at)} UTC by fsictl {card.code_version}, asked by {card.requested_by or '–'}",
        "follows": card.parent or "no earlier version",
        "data": f"{snapshot.rows:,} rows of {', '.join(snapshot.symbols)}",
        "from the range": f"{time_text(snapshot.since)} – {time_text(snapshot.until)} UTC",
        "hash of the rows": snapshot.sha256,
        "windows": f"{card.length} rows ending at an RSI above {card.overbought:g} or below {card.oversold:g}"
        f" (RSI over {card.rsi_window} s, metrics over {card.metrics_window} s)",
        "features": ", ".join(card.features),
        "detector": f"{card.detector}, of {', '.join(card.detectors)} (preset {card.preset})",
        "label threshold": f"{number_text(calibration.label_threshold)} for {calibration.label_rate:.0%} of windows",
        "alert threshold": f"{number_text(calibration.alert_threshold)} for {calibration.alert_rate:.0%} of windows",
    }
    for part in ("training", "evaluation", "libraries", "files"):
        flat[part] = _listed(getattr(card, part))
    return flat | {"gate": _gate(card)}


def _scorecard(session: Session, card: Card) -> dict[str, str]:
    """What `model evaluate` and the training found, in a line for each kind of prices."""
    rows = [row for row in session.warehouse.read("scorecards").to_pylist() if row["model_version"] == card.version]
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["kind"] == "all" and row["roc_auc"] is not None:
            found.setdefault(row["prices"], []).append(f"{row['detector']} {row['roc_auc']:.3f}")
    lines = [f"{prices}: {', '.join(scores)}" for prices, scores in found.items()]
    return {"ROC-AUC on anomalies": "\n".join(lines) or "not evaluated: see `fsictl model evaluate`"}


def _lately(session: Session, card: Card) -> dict[str, str]:
    """How the version has done in the streams, and whether it is to be replaced."""
    from fsictl.cli.models import achieved, retraining_of

    rates = [one for one in achieved(session, card.version) if one.symbol == "*" or one.warning]
    said = [
        f"last {one.period}, {'all' if one.symbol == '*' else one.symbol}: {one.label_rate:.1%} unreliable,"
        f" {one.alert_rate:.2%} alerts of {one.windows:,} windows{f' – WARNING: {one.warning}' if one.warning else ''}"
        for one in rates
    ]
    advice = retraining_of(session, card)
    drift = "not known yet" if advice.drift is None else f"{advice.drift:.2f} (above 0.25 they differ)"
    return {
        "achieved": "\n".join(said) or "nothing yet: the first full hour in the streams is missing",
        "drift of scores": drift,
        "age of its data": f"{advice.age_hours:.1f} hours",
        "to be replaced": (
            f"{'OVERDUE' if advice.overdue else 'yes'}, since {time_text(advice.due_since)} UTC: {advice.reason}"
        )
        if advice.due_since is not None
        else "no",
    }


def _gate(card: Card) -> str:
    gate = card.gate
    if not gate:
        return "–"
    marks = {True: "yes", False: "NO", None: "not judged"}
    lines = [f"{check['name']}: {marks[check['passed']]}; {check['said']}" for check in gate["checks"]]
    return "\n".join(["passed" if gate["passed"] else "refused", *lines])


def _listed(values: Any) -> str:
    if isinstance(values, dict):
        return "\n".join(f"{key}: {_listed(value)}" for key, value in values.items()) or "–"
    return number_text(values) if isinstance(values, float) else str(values)


command(app, "evaluate")(evaluate)
command(app, "serve")(serve)
command(app, "export")(export)


@command(app, "drift")
def drift(
    session: Session,
    version: Annotated[str, typer.Argument(help="A version, or champion or challenger.")] = "champion",
    hours: Annotated[float, typer.Option(min=0.1, help="Hours of the newest metrics to look at.")] = 2.0,
) -> None:
    """Compare the newest metrics and scores with what a version was trained on, and say whether to train anew."""
    from fsictl.cli.models import retraining_of, window_rules
    from fsictl.model.comparison import rules_of
    from fsictl.model.data import DRIFTED
    from fsictl.model.data import drift as feature_drift
    from fsictl.model.dataset import newest_until, read_range
    from fsictl.model.split import split_windows
    from fsictl.model.versions import load_card

    session.need_workspace()
    version = need_version(session, version)
    card = load_card(session.artifacts, version)
    until = newest_until(session.warehouse, None)
    columns = read_range(session.warehouse, card.snapshot.symbols, until - round(hours * 3_600_000), until)
    rules = rules_of(card, window_rules(session))
    found = feature_drift(card.data, split_windows(columns, rules, card.features), card.features)
    advice = retraining_of(session, card)
    if session.output.as_json:
        session.output.document({"model_version": card.version, "features": found, **dataclasses.asdict(advice)})
        return
    rows = [{"what": name, "index": index, "differs": index > DRIFTED} for name, index in found.items()]
    if advice.drift is not None:
        rows.append({"what": "scores", "index": advice.drift, "differs": advice.drift > DRIFTED})
    session.output.rows(
        rows,
        {"what": "against its training data", "index": "stability index", "differs": "differs"},
        empty="There are too few windows at an extreme RSI to compare.",
    )
    due = advice.reason if advice.due_since is not None else "no reason to"
    session.output.say(f"Train anew: {due}.{' That is OVERDUE.' if advice.overdue else ''}")


command(app, "promote")(promote)
command(app, "rollback")(rollback)
command(app, "bootstrap")(bootstrap)
