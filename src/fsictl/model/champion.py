"""Champions and challengers as a running stream sees them: taken up when an alias moves."""

from __future__ import annotations

import logging

from fsictl.errors import FsictlError
from fsictl.model.aliases import CHALLENGER, CHAMPION, ROLES, BySymbol, symbol_of
from fsictl.model.versions import Scorer, load_scorer
from fsictl.ports.artifacts import Artifacts

log = logging.getLogger(__name__)


class _Role:
    """The versions that the aliases of one role name; what went wrong is reported once, not for every batch.

    ``keeps``: where one cannot be loaded, the last good one of its alias goes on.
    """

    def __init__(self, artifacts: Artifacts, role: str, *, keeps: bool, taken_up: str) -> None:
        self._artifacts, self._role, self._keeps, self._taken_up = artifacts, role, keeps, taken_up
        self._loaded: dict[str, Scorer] = {}
        self._refused: dict[str, str] = {}
        self._scorers: BySymbol[Scorer] = BySymbol()

    def scorers(self) -> BySymbol[Scorer]:
        """The versions to score with now. Cheap enough for every batch: only a move of an alias loads anything."""
        try:
            named = self._artifacts.aliases()
        except FsictlError as error:
            self._report(self._role, error, "Scoring goes on with the versions known so far")
            return self._scorers
        symbols = {alias: symbol for alias in named if (symbol := symbol_of(alias, self._role))}
        shared = self._load(self._role, named.get(self._role), None)
        own = {symbol: self._load(alias, named[alias], symbol) for alias, symbol in symbols.items()}
        for alias in set(self._loaded) - {self._role, *symbols}:  # it is shared again
            del self._loaded[alias]
        self._scorers = BySymbol(shared, {symbol: scorer for symbol, scorer in own.items() if scorer is not None})
        return self._scorers

    def _load(self, alias: str, version: str | None, symbol: str | None) -> Scorer | None:
        last = self._loaded.get(alias)
        if version is not None and (last is None or last.version != version):
            try:
                self._loaded[alias] = load_scorer(self._artifacts, version)
            except FsictlError as error:
                self._report(alias, error, self._otherwise(last, symbol))
                if not self._keeps:
                    self._loaded.pop(alias, None)
                return self._loaded.get(alias)
            log.info("%s model version %s%s", self._taken_up, version, f" for {symbol}" if symbol else "")
        elif version is None and not self._keeps:
            self._loaded.pop(alias, None)
        self._refused.pop(alias, None)
        return self._loaded.get(alias)

    def _report(self, alias: str, error: FsictlError, otherwise: str) -> None:
        if self._refused.get(alias) != str(error):
            self._refused[alias] = str(error)
            log.error("%s. %s %s.", error, error.hint, otherwise)

    def _otherwise(self, last: Scorer | None, symbol: str | None) -> str:
        """What happens without the version that cannot be loaded."""
        of_symbol = f" {symbol}" if symbol else ""
        if not self._keeps:
            return f"It is not scored in shadow{' for' + of_symbol if symbol else ''} until it is mended"
        if last is not None:
            return f"The last good version goes on scoring{of_symbol}"
        if symbol is not None:
            return f"{symbol} is scored by the shared champion, if there is one, until it is mended"
        return "There are no verdicts until it is mended"


class Champions(_Role):
    """The versions that ``champion`` and ``champion.SYMBOL`` name.

    One that cannot be loaded is reported once, and the last good one goes on scoring; a symbol whose own version was
    never good here is scored by the shared one.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        super().__init__(artifacts, CHAMPION, keeps=True, taken_up="scoring with")


class Challengers(_Role):
    """The versions that ``challenger`` and ``challenger.SYMBOL`` name, scored in shadow while they can be loaded."""

    def __init__(self, artifacts: Artifacts) -> None:
        super().__init__(artifacts, CHALLENGER, keeps=False, taken_up="scoring in shadow")


def scorers_named(artifacts: Artifacts, name: str) -> BySymbol[Scorer]:
    """The versions that score when a version or an alias is named: for a role, also those of single symbols.

    What a stream does without a version that cannot be loaded is done here too; ``InputError`` when nothing is left.
    """
    if name not in ROLES:
        return BySymbol(load_scorer(artifacts, name))
    role = Champions(artifacts) if name == CHAMPION else Challengers(artifacts)
    scorers = role.scorers()
    return scorers if scorers.all() else BySymbol(load_scorer(artifacts, name))
