"""Names that point at versions: one for all symbols, and one for each symbol that has a version of its own.

``champion`` names the version whose verdicts count, ``champion.EURUSD`` the one that scores EURUSD instead; a symbol
without a name of its own is scored by the shared one. The same holds for ``challenger``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fsictl.ports.artifacts import Artifacts

CHAMPION = "champion"
"""Alias of the version whose verdicts count."""

CHALLENGER = "challenger"
"""Alias of the newest version that did not become champion."""

ROLES = (CHAMPION, CHALLENGER)

ALL_SYMBOLS = "*"
"""In tables: what is said holds for every symbol without a version of its own."""

_T = TypeVar("_T")
_U = TypeVar("_U")


def alias_of(role: str, symbol: str | None = None) -> str:
    """The alias of a role for one symbol, or for all. Slashes are no part of a file's name: they are written ``_s``.

    >>> alias_of("champion"), alias_of("champion", "EURUSD"), alias_of("champion", "EUR/USD")
    ('champion', 'champion.EURUSD', 'champion.EUR_sUSD')
    """
    return role if symbol is None else f"{role}.{symbol.replace('_', '__').replace('/', '_s')}"


def symbol_of(alias: str, role: str) -> str | None:
    """The symbol of an alias that :func:`alias_of` made for that role; ``None`` for any other.

    >>> symbol_of("champion.EUR_sUSD", "champion"), symbol_of("champion", "champion"), symbol_of("spare", "champion")
    ('EUR/USD', None, None)
    """
    if not alias.startswith(f"{role}."):
        return None
    coded = alias.removeprefix(f"{role}.")
    return "_".join(part.replace("_s", "/") for part in coded.split("__"))


def alias_named(name: str) -> str:
    """The alias that people mean when they write a symbol as it is.

    >>> alias_named("champion.EUR/USD"), alias_named("20260102T000000-0a1b2c3d4e")
    ('champion.EUR_sUSD', '20260102T000000-0a1b2c3d4e')
    """
    for role in ROLES:
        if name.startswith(f"{role}.") and "/" in name:
            return alias_of(role, name.removeprefix(f"{role}."))
    return name


def shown(alias: str) -> str:
    """An alias with its symbol as it is.

    >>> shown("champion.EUR_sUSD"), shown("spare")
    ('champion.EUR/USD', 'spare')
    """
    for role in ROLES:
        symbol = symbol_of(alias, role)
        if symbol:
            return f"{role}.{symbol}"
    return alias


@dataclass(frozen=True, slots=True)
class BySymbol(Generic[_T]):
    """Something shared by all symbols, except by those that have their own.

    >>> versions = BySymbol("v1", {"EURUSD": "v2"})
    >>> versions.of("EURUSD"), versions.of("USDJPY")
    ('v2', 'v1')
    """

    shared: _T | None = None
    own: Mapping[str, _T] = field(default_factory=dict)

    def of(self, symbol: str) -> _T | None:
        """What holds for that symbol."""
        return self.own.get(symbol, self.shared) if self.own else self.shared

    def all(self) -> list[_T]:
        """Everything there is, the shared one first."""
        return [one for one in (self.shared, *self.own.values()) if one is not None]

    def mapped(self, change: Callable[[_T], _U]) -> BySymbol[_U]:
        """The same with each of them changed."""
        shared = None if self.shared is None else change(self.shared)
        return BySymbol(shared, {symbol: change(one) for symbol, one in self.own.items()})


def named(artifacts: Artifacts, role: str) -> BySymbol[str]:
    """The versions that the aliases of a role name now."""
    aliases = artifacts.aliases()
    symbols = {alias: symbol_of(alias, role) for alias in aliases}
    own = {symbol: aliases[alias] for alias, symbol in symbols.items() if symbol}
    return BySymbol(aliases.get(role), own)
