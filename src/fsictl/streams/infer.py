"""The pipeline from metrics rows to verdicts, by the version that the alias ``champion`` names.

The ``challenger`` is scored beside it, in shadow: its verdicts are stored under its name and never alert.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fsictl.clock import Clock
from fsictl.errors import FsictlError
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import CHALLENGER, CHAMPION, Scorer, load_alias
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.encoding import DecodedRows, decode_rows, encode_rows
from fsictl.records.message import Received
from fsictl.records.schemas import CALIBRATIONS, METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.streams.pipeline import Result, dead_letters

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "infer"

ROWS_PER_MESSAGE = 5_000

log = logging.getLogger(__name__)


class InferPipeline:
    """Metrics rows in, one verdict out for every window that ends at an extreme RSI.

    A version that cannot be loaded is reported once, and the last good one goes on scoring. The calibrations that
    the operator makes every hour go to the table ``calibrations`` of the warehouse, if there is one: outside of the
    step's commit, because a step that is done again makes the same ones.
    """

    name = NAME
    inputs = (METRICS_TOPIC,)

    def __init__(
        self, rules: WindowRules, artifacts: Artifacts, clock: Clock, warehouse: Warehouse | None = None
    ) -> None:
        self._artifacts, self._clock, self._warehouse = artifacts, clock, warehouse
        self._operator = InferenceOperator(rules)
        self._loaded: dict[str, Scorer | None] = {CHAMPION: None, CHALLENGER: None}
        self._said: dict[str, str | None] = {}
        self._counters = {"rows": 0, "verdicts": 0, "unreliable": 0, "alerts": 0, "shadow": 0, "rejected": 0}

    def restore(self, state: bytes | None, counters: Mapping[str, int]) -> None:
        self._counters |= {key: counters.get(key, 0) for key in self._counters}
        if state is not None:
            self._operator.restore(state)

    def step(self, received: Sequence[Received]) -> Result:
        if not received:
            return Result()
        decoded = decode_rows(METRICS, list(received))
        result = Result(outgoing=dead_letters(decoded.rejects, self._clock.now_ms()))
        verdicts = self._operator.process(decoded.table, self._champion(), self._challenger())
        self._store_calibrations()
        for start in range(0, verdicts.num_rows, ROWS_PER_MESSAGE):
            message = encode_rows(RECONERR, verdicts.slice(start, ROWS_PER_MESSAGE))
            result.outgoing.append((RECONERR_TOPIC, message))
        result.urgent = bool(result.outgoing)
        self._count(decoded, verdicts)
        return result

    def _count(self, decoded: DecodedRows, verdicts: pa.Table) -> None:
        import pyarrow.compute as pc

        champion = self._loaded[CHAMPION]
        own = pc.equal(verdicts.column("model_version"), champion.version if champion is not None else "")
        self._counters["shadow"] += verdicts.num_rows - (pc.sum(own).as_py() or 0)
        verdicts = verdicts.filter(own)
        self._counters["rows"] += decoded.table.num_rows
        self._counters["rejected"] += len(decoded.rejects)
        self._counters["verdicts"] += verdicts.num_rows
        self._counters["unreliable"] += verdicts.column("unreliable").to_pylist().count(True)
        self._counters["alerts"] += verdicts.column("alert").to_pylist().count(True)

    def _champion(self) -> Scorer | None:
        """The champion; the last good one while that cannot be loaded or is gone."""
        good = self._loaded[CHAMPION]
        then = "The last good version goes on scoring" if good else "There are no verdicts until it is mended"
        scorer = self._load(CHAMPION, then)
        if scorer is not None and scorer is not good:
            log.info("scoring with model version %s", scorer.version)
        self._loaded[CHAMPION] = scorer or good
        return self._loaded[CHAMPION]

    def _challenger(self) -> Scorer | None:
        """The challenger, ``None`` while there is none that can be loaded."""
        scorer = self._load(CHALLENGER, "It is not scored in shadow until it is mended")
        if scorer is not None and scorer is not self._loaded[CHALLENGER]:
            log.info("scoring model version %s in shadow", scorer.version)
        self._loaded[CHALLENGER] = scorer
        return scorer

    def _load(self, alias: str, then: str) -> Scorer | None:
        try:
            scorer = load_alias(self._artifacts, alias, self._loaded[alias])
        except FsictlError as error:
            self._say_once(alias, error, then)
            return None
        self._said[alias] = None
        return scorer

    def _store_calibrations(self) -> None:
        rows = self._operator.calibrations()
        if self._warehouse is None or not rows.num_rows:
            return
        try:
            self._warehouse.write(CALIBRATIONS.name, rows)
        except FsictlError as error:
            self._say_once("calibrations", error, "Scoring goes on with them all the same; they are not stored")
        else:
            self._said["calibrations"] = None

    def _say_once(self, about: str, error: FsictlError, then: str) -> None:
        if str(error) != self._said.get(about):
            self._said[about] = str(error)
            log.error("%s. %s %s.", error, error.hint, then)

    def snapshot(self) -> bytes | None:
        return self._operator.snapshot()

    def counters(self) -> Mapping[str, int]:
        return self._counters
