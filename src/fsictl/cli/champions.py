"""``fsictl model promote``, ``rollback`` and ``bootstrap``: which version scores, for all symbols or for one."""

from __future__ import annotations

from typing import Annotated

import typer

from fsictl.cli.models import need_version
from fsictl.cli.session import Session

Symbol = Annotated[str | None, typer.Option(help="For this symbol alone; all without a version of their own if not.")]


def promote(
    session: Session,
    version: Annotated[
        str | None, typer.Argument(help="A version, or an alias; without it the challenger.", show_default=False)
    ] = None,
    symbol: Symbol = None,
    force: Annotated[bool, typer.Option("--force", help="Even if its gate refused it; needs --reason.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; it is recorded.")] = None,
) -> None:
    """Let a version that passed its gate score from now on; running streams follow without a restart."""
    from fsictl.model.aliases import CHALLENGER, alias_of
    from fsictl.model.promotion import promote as move

    session.need_workspace()
    if version is None:
        own = alias_of(CHALLENGER, symbol)
        version = own if session.artifacts.resolve(own) is not None else CHALLENGER
    name = need_version(session, version)
    at = session.clock.now_ms()
    champion = move(session.artifacts, session.warehouse, name, at=at, symbol=symbol, force=force, reason=reason)
    _show_champion(session, champion, symbol)


def rollback(session: Session, symbol: Symbol = None) -> None:
    """Go back to the version that scored before the present one."""
    from fsictl.model.promotion import rollback as back

    session.need_workspace()
    at = session.clock.now_ms()
    _show_champion(session, back(session.artifacts, session.warehouse, at=at, symbol=symbol), symbol)


def bootstrap(session: Session) -> None:
    """Store the version that comes with fsictl, and let it score if no other does.

    It was made from simulated prices by scripts/make_bootstrap.py, and knows nothing of a real market.
    """
    from fsictl.model.bootstrap import install

    session.make_workspace()
    installed = install(session.artifacts, session.warehouse, at=session.clock.now_ms())
    then = "it is the champion" if installed.champion else "another version is the champion"
    session.output.say(f"Version [bold]{installed.version}[/bold] is stored; {then}.")
    session.output.document({"model_version": installed.version, "champion": installed.champion})


def _show_champion(session: Session, version: str, symbol: str | None) -> None:
    of_symbol = "" if symbol is None else f" of {symbol}"
    session.output.say(f"The champion{of_symbol} is [bold]{version}[/bold].")
    list_champion(session, symbol)
    session.output.document({"champion": version} | ({"symbol": symbol} if symbol is not None else {}))


def list_champion(session: Session, symbol: str | None = None) -> None:
    """Tell the registry beside our own store, where the target has one, which version scores now."""
    registry = session.model_registry
    if registry is None:
        return
    from fsictl.model.aliases import CHAMPION, alias_of
    from fsictl.model.registration import register

    version = session.artifacts.resolve(alias_of(CHAMPION, symbol))
    if version is None:
        return
    served = symbol is None and session.settings.gcp.serving == "endpoint"
    named = register(session.artifacts, registry, version, deploy=served)
    session.output.say(f"Vertex AI lists it as {named}{', and its endpoint answers with it' if served else ''}.")
