"""``fsictl model``: versions and where they come from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli.command import command, group
from fsictl.cli.evaluate import evaluate
from fsictl.cli.models import need_version
from fsictl.cli.output import number_text, time_text
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
    from fsictl.model.versions import load_card

    session.need_workspace()
    names: dict[str, str] = {}
    for alias, folder in session.artifacts.aliases().items():
        names[folder] = f"{names[folder]}, {alias}" if folder in names else alias
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
    need_version(session, version)
    card = load_card(session.artifacts, version)
    if session.output.as_json:
        session.output.document(json.loads(session.artifacts.get(card.version, CARD_FILE)))
        return
    rows = [{"what": key, "value": value} for key, value in _told(card).items()]
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


@command(app, "promote")
def promote(
    session: Session,
    version: Annotated[str, typer.Argument(help="A version, or challenger.")] = "challenger",
    force: Annotated[bool, typer.Option("--force", help="Even if its gate refused it; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; it is recorded.")] = None,
) -> None:
    """Let a version that passed its gate score from now on; running streams follow without a restart."""
    from fsictl.model.promotion import promote as move

    session.need_workspace()
    need_version(session, version)
    at = session.clock.now_ms()
    _show_champion(session, move(session.artifacts, session.warehouse, version, at=at, force=force, reason=reason))


@command(app, "rollback")
def rollback(session: Session) -> None:
    """Go back to the version that scored before the present one."""
    from fsictl.model.promotion import rollback as back

    session.need_workspace()
    _show_champion(session, back(session.artifacts, session.warehouse, at=session.clock.now_ms()))


def _show_champion(session: Session, version: str) -> None:
    session.output.say(f"The champion is [bold]{version}[/bold].")
    session.output.document({"champion": version})
