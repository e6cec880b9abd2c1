"""Changing the champion: through the gate or by force, and back again; every change is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsictl.errors import BusyError, CheckFailedError, InputError
from fsictl.model.versions import CHALLENGER, CHAMPION, load_card, load_scorer
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.arrow import table_of
from fsictl.records.schemas import PROMOTIONS

if TYPE_CHECKING:
    import pyarrow as pa


def promote(
    artifacts: Artifacts, warehouse: Warehouse, version: str, *, at: int, force: bool = False, reason: str | None = None
) -> str:
    """Let the champion be that version, or the one an alias names; running streams follow without a restart.

    Returns its name. ``CheckFailedError`` when its gate had refused it, unless it is forced, which needs a reason;
    ``InputError`` when it is damaged or missing.
    """
    card = load_scorer(artifacts, version).card
    refused = not card.gate.get("passed", False)
    if refused and not force:
        why = card.gate.get("reason") or "it never passed a gate"
        message = f"the gate refused model version {card.version}: {why}"
        raise CheckFailedError(message, hint="If you know better, use --force with --reason; both are recorded.")
    if refused and not (reason or "").strip():
        message = f"model version {card.version} was refused by its gate, and no reason is given to use it all the same"
        raise InputError(message, hint="Say why with --reason TEXT.")
    _move(artifacts, warehouse, card.version, at=at, action="promote", forced=refused, reason=reason)
    return card.version


def rollback(artifacts: Artifacts, warehouse: Warehouse, *, at: int) -> str:
    """Let the champion be the version that was it before the present one; returns its name.

    ``InputError`` when there is no champion, or it had no predecessor, or that one is damaged.
    """
    version = artifacts.resolve(CHAMPION)
    if version is None:
        message = "there is no champion"
        raise InputError(message, hint="Promote the version that you want by its name.")
    previous = _predecessor(artifacts, warehouse, version)
    if previous is None:
        message = f"model version {version} replaced no other"
        raise InputError(message, hint="Promote the version that you want by its name.")
    load_scorer(artifacts, previous)
    _move(artifacts, warehouse, previous, at=at, action="rollback", forced=False, reason=f"back from {version}")
    return previous


def _predecessor(artifacts: Artifacts, warehouse: Warehouse, version: str) -> str | None:
    """The champion before: before its last promotion if that is recorded, else when it was made.

    A rollback is no promotion: going back twice goes back two versions.
    """
    rows = warehouse.read(PROMOTIONS.name).to_pylist()
    found = [row for row in rows if row["model_version"] == version and row["action"] != "rollback"]
    if found:
        previous: str | None = max(found, key=lambda row: int(row["at"]))["previous"]
        return previous
    return load_card(artifacts, version).parent


def _move(
    artifacts: Artifacts, warehouse: Warehouse, version: str, *, at: int, action: str, forced: bool, reason: str | None
) -> None:
    before = artifacts.resolve(CHAMPION)
    if before == version:
        return
    warehouse.write(PROMOTIONS.name, promotion(version, before, action=action, at=at, forced=forced, reason=reason))
    if not artifacts.swap(CHAMPION, before, version):
        message = "another command changed the champion at the same time"
        raise BusyError(message, hint="Look at `fsictl model list`, then try again.")
    if artifacts.resolve(CHALLENGER) == version:
        artifacts.forget(CHALLENGER)


def promotion(
    version: str, previous: str | None, *, action: str, at: int, forced: bool = False, reason: str | None = None
) -> pa.Table:
    """A row of ``promotions``."""
    row = {"at": at, "model_version": version, "previous": previous, "action": action, "forced": forced}
    return table_of(PROMOTIONS, {name: [value] for name, value in (row | {"reason": reason}).items()})
