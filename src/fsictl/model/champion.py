"""The champion as a running stream sees it: taken up when the alias moves, kept when a new one cannot be loaded."""

from __future__ import annotations

import logging

from fsictl.errors import FsictlError
from fsictl.model.versions import CHAMPION, Scorer, load_alias
from fsictl.ports.artifacts import Artifacts

log = logging.getLogger(__name__)


class Champion:
    """The version that the alias ``champion`` names.

    A version that cannot be loaded is reported once, and the last good one goes on scoring.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._scorer: Scorer | None = None
        self._refused: str | None = None

    def scorer(self) -> Scorer | None:
        """The version to score with now, ``None`` while there was never one. Cheap enough for every batch."""
        try:
            scorer = load_alias(self._artifacts, CHAMPION, self._scorer)
        except FsictlError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                now = (
                    "The last good version goes on scoring"
                    if self._scorer
                    else "There are no verdicts until it is mended"
                )
                log.error("%s. %s %s.", error, error.hint, now)
            return self._scorer
        if scorer is not None and scorer is not self._scorer:
            log.info("scoring with model version %s", scorer.version)
        self._refused = None
        self._scorer = scorer or self._scorer
        return self._scorer
