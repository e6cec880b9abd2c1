"""The pipeline from metrics rows to verdicts, by the model versions that the aliases of champions name."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fsictl.clock import Clock
from fsictl.errors import FsictlError
from fsictl.model.aliases import BySymbol
from fsictl.model.champion import Challengers, Champions
from fsictl.model.inference import InferenceOperator
from fsictl.model.verdicts import of_champions
from fsictl.model.versions import Scorer
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.encoding import DecodedRows, decode_rows, encode_all_rows
from fsictl.records.message import Received
from fsictl.records.schemas import CALIBRATIONS, METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.streams.pipeline import Result, dead_letters

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "infer"

log = logging.getLogger(__name__)


class InferPipeline:
    """Metrics rows in, one verdict out for every window that ends at an extreme RSI.

    Each symbol is scored by its own champion, else by the shared one; challengers beside them, in shadow: their
    verdicts are stored under their names and never alert.
    The calibrations that the operator makes every hour go to the table ``calibrations`` of the warehouse, if there is
    one: outside of the step's commit, because a step that is done again makes the same ones.
    """

    name = NAME
    inputs = (METRICS_TOPIC,)

    def __init__(
        self, rules: WindowRules, artifacts: Artifacts, clock: Clock, warehouse: Warehouse | None = None
    ) -> None:
        self._clock, self._warehouse = clock, warehouse
        self._operator = InferenceOperator(rules)
        self._champions, self._challengers = Champions(artifacts), Challengers(artifacts)
        self._not_stored: str | None = None
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
        champions = self._champions.scorers()
        verdicts = self._operator.process(decoded.table, champions, self._challengers.scorers())
        self._store_calibrations()
        result.outgoing += [(RECONERR_TOPIC, message) for message in encode_all_rows(RECONERR, verdicts)]
        result.urgent = bool(result.outgoing)
        self._count(decoded, verdicts, champions)
        return result

    def _store_calibrations(self) -> None:
        rows = self._operator.calibrations()
        if self._warehouse is None or not rows.num_rows:
            return
        try:
            self._warehouse.write(CALIBRATIONS.name, rows)
        except FsictlError as error:
            if str(error) != self._not_stored:
                self._not_stored = str(error)
                then = "Scoring goes on with new calibrations all the same; they are not stored"
                log.error("%s. %s %s.", error, error.hint, then)
        else:
            self._not_stored = None

    def _count(self, decoded: DecodedRows, verdicts: pa.Table, champions: BySymbol[Scorer]) -> None:
        own = of_champions(verdicts, champions.mapped(lambda scorer: scorer.version))
        self._counters["shadow"] += verdicts.num_rows - own.num_rows
        verdicts = own
        self._counters["rows"] += decoded.table.num_rows
        self._counters["rejected"] += len(decoded.rejects)
        self._counters["verdicts"] += verdicts.num_rows
        self._counters["unreliable"] += verdicts.column("unreliable").to_pylist().count(True)
        self._counters["alerts"] += verdicts.column("alert").to_pylist().count(True)

    def snapshot(self) -> bytes | None:
        return self._operator.snapshot()

    def counters(self) -> Mapping[str, int]:
        return self._counters
