"""The pipeline from metrics rows to verdicts, by the model version that the alias ``champion`` names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fsictl.clock import Clock
from fsictl.errors import FsictlError
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import CHAMPION, Scorer, load_alias
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.records.encoding import DecodedRows, decode_rows, encode_rows
from fsictl.records.message import Received
from fsictl.records.schemas import METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.streams.pipeline import Result, dead_letters

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "infer"

ROWS_PER_MESSAGE = 5_000

log = logging.getLogger(__name__)


class InferPipeline:
    """Metrics rows in, one verdict out for every window that ends at an extreme RSI.

    A version that cannot be loaded is reported once, and the last good one goes on scoring.
    """

    name = NAME
    inputs = (METRICS_TOPIC,)

    def __init__(self, rules: WindowRules, artifacts: Artifacts, clock: Clock) -> None:
        self._artifacts, self._clock = artifacts, clock
        self._operator = InferenceOperator(rules)
        self._scorer: Scorer | None = None
        self._refused: str | None = None
        self._counters = {"rows": 0, "verdicts": 0, "unreliable": 0, "alerts": 0, "rejected": 0}

    def restore(self, state: bytes | None, counters: Mapping[str, int]) -> None:
        self._counters |= {key: counters.get(key, 0) for key in self._counters}
        if state is not None:
            self._operator.restore(state)

    def step(self, received: Sequence[Received]) -> Result:
        if not received:
            return Result()
        decoded = decode_rows(METRICS, list(received))
        result = Result(outgoing=dead_letters(decoded.rejects, self._clock.now_ms()))
        verdicts = self._operator.process(decoded.table, self._champion())
        for start in range(0, verdicts.num_rows, ROWS_PER_MESSAGE):
            message = encode_rows(RECONERR, verdicts.slice(start, ROWS_PER_MESSAGE))
            result.outgoing.append((RECONERR_TOPIC, message))
        result.urgent = bool(result.outgoing)
        self._count(decoded, verdicts)
        return result

    def _count(self, decoded: DecodedRows, verdicts: pa.Table) -> None:
        self._counters["rows"] += decoded.table.num_rows
        self._counters["rejected"] += len(decoded.rejects)
        self._counters["verdicts"] += verdicts.num_rows
        self._counters["unreliable"] += verdicts.column("unreliable").to_pylist().count(True)
        self._counters["alerts"] += verdicts.column("alert").to_pylist().count(True)

    def _champion(self) -> Scorer | None:
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

    def snapshot(self) -> bytes | None:
        return self._operator.snapshot()

    def counters(self) -> Mapping[str, int]:
        return self._counters
