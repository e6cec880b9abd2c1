"""Champion and challenger as a running stream sees them: taken up when the alias moves."""

from __future__ import annotations

import logging

from fsictl.errors import FsictlError
from fsictl.model.versions import CHALLENGER, CHAMPION, Scorer, load_alias
from fsictl.ports.artifacts import Artifacts

log = logging.getLogger(__name__)


class _Alias:
    """The version that an alias names; a failure to load one is reported once, not for every batch."""

    def __init__(self, artifacts: Artifacts, alias: str) -> None:
        self._artifacts, self._alias = artifacts, alias
        self._refused: str | None = None

    def load(self, loaded: Scorer | None, otherwise: str) -> Scorer | None:
        """The version now; ``None`` without one that can be loaded, and then the log says what happens otherwise."""
        try:
            scorer = load_alias(self._artifacts, self._alias, loaded)
        except FsictlError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                log.error("%s. %s %s.", error, error.hint, otherwise)
            return None
        self._refused = None
        return scorer


class Champion:
    """The version that the alias ``champion`` names.

    A version that cannot be loaded is reported once, and the last good one goes on scoring.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._alias = _Alias(artifacts, CHAMPION)
        self._scorer: Scorer | None = None

    def scorer(self) -> Scorer | None:
        """The version to score with now, ``None`` while there was never one. Cheap enough for every batch."""
        otherwise = (
            "The last good version goes on scoring" if self._scorer else "There are no verdicts until it is mended"
        )
        scorer = self._alias.load(self._scorer, otherwise)
        if scorer is not None and scorer is not self._scorer:
            log.info("scoring with model version %s", scorer.version)
        self._scorer = scorer or self._scorer
        return self._scorer


class Challenger:
    """The version that the alias ``challenger`` names, to be scored in shadow while it can be loaded."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._alias = _Alias(artifacts, CHALLENGER)
        self._scorer: Scorer | None = None

    def scorer(self) -> Scorer | None:
        """The version to score in shadow now, if there is one."""
        scorer = self._alias.load(self._scorer, "It is not scored in shadow until it is mended")
        if scorer is not None and scorer is not self._scorer:
            log.info("scoring model version %s in shadow", scorer.version)
        self._scorer = scorer
        return scorer
