"""Changing a champion: through the gate or by force, and back again; every change is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsictl.errors import BusyError, CheckFailedError, InputError
from fsictl.model.aliases import ALL_SYMBOLS, CHALLENGER, CHAMPION, alias_of
from fsictl.model.versions import load_card, load_scorer
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.arrow import table_of
from fsictl.records.schemas import PROMOTIONS

if TYPE_CHECKING:
    import pyarrow as pa

SHARE = "share"
"""What is recorded when a symbol is scored by the shared champion again."""


def promote(
    artifacts: Artifacts,
    warehouse: Warehouse,
    version: str,
    *,
    at: int,
    symbol: str | None = None,
    force: bool = False,
    reason: str | None = None,
) -> str:
    """Let the champion be that version, or the one an alias names; running streams follow without a restart.

    With a ``symbol``, it scores that symbol alone. Returns its name. ``CheckFailedError`` when its gate had refused
    it, unless it is forced, which needs a reason; ``InputError`` when it is damaged or missing.
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
    alias = alias_of(CHAMPION, symbol)
    before = artifacts.resolve(alias)
    if before != card.version:
        row = promotion(card.version, before, action="promote", at=at, symbol=symbol, forced=refused, reason=reason)
        warehouse.write(PROMOTIONS.name, row)
        _swap(artifacts, alias, before, card.version)
    challenger = alias_of(CHALLENGER, symbol)
    if artifacts.resolve(challenger) == card.version:
        artifacts.forget(challenger)
    return card.version


def rollback(artifacts: Artifacts, warehouse: Warehouse, *, at: int, symbol: str | None = None) -> str:
    """Let the champion be the version that was it before the present one; returns its name.

    With a ``symbol``, its own champion is meant; the first one that it had was preceded by the shared one, which
    scores the symbol again then. ``InputError`` when there is no champion, or it had no predecessor, or that one is
    damaged.
    """
    alias = alias_of(CHAMPION, symbol)
    version = artifacts.resolve(alias)
    if version is None:
        message = "there is no champion" if symbol is None else f"{symbol} has no champion of its own"
        raise InputError(message, hint="Promote the version that you want by its name.")
    previous = _predecessor(artifacts, warehouse, version, symbol)
    shared = artifacts.resolve(CHAMPION)
    if previous is None and (symbol is None or shared is None):
        message = f"model version {version} replaced no other"
        raise InputError(message, hint="Promote the version that you want by its name.")
    then = previous or str(shared)
    load_scorer(artifacts, then)
    action = "rollback" if previous is not None else SHARE
    row = promotion(then, version, action=action, at=at, symbol=symbol, reason=f"back from {version}")
    warehouse.write(PROMOTIONS.name, row)
    if previous is None:
        artifacts.forget(alias)
    else:
        _swap(artifacts, alias, version, previous)
    return then


def _predecessor(artifacts: Artifacts, warehouse: Warehouse, version: str, symbol: str | None) -> str | None:
    """The champion before: before its last promotion if that is recorded, else when it was made.

    A rollback is no promotion: going back twice goes back two versions.
    """
    rows = warehouse.read(PROMOTIONS.name).to_pylist()
    found = [
        row
        for row in rows
        if (row["model_version"], row["symbol"] or ALL_SYMBOLS) == (version, symbol or ALL_SYMBOLS)
        and row["action"] not in {"rollback", SHARE}
    ]
    if found:
        previous: str | None = max(found, key=lambda row: int(row["at"]))["previous"]
        return previous
    return load_card(artifacts, version).parent if symbol is None else None


def _swap(artifacts: Artifacts, alias: str, before: str | None, version: str) -> None:
    if not artifacts.swap(alias, before, version):
        message = "another command changed the champion at the same time"
        raise BusyError(message, hint="Look at `fsictl model list`, then try again.")


def promotion(
    version: str,
    previous: str | None,
    *,
    action: str,
    at: int,
    symbol: str | None = None,
    forced: bool = False,
    reason: str | None = None,
) -> pa.Table:
    """A row of ``promotions``."""
    row = {"at": at, "model_version": version, "previous": previous, "action": action, "forced": forced}
    row |= {"reason": reason, "symbol": symbol or ALL_SYMBOLS}
    return table_of(PROMOTIONS, {name: [value] for name, value in row.items()})
