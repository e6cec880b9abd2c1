"""The pipeline from metrics rows to verdicts, by the model version that the alias ``champion`` names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from fsictl.clock import Clock
from fsictl.errors import FsictlError
from fsictl.model.inference import InferenceOperator
from fsictl.model.scoring import Scorer
from fsictl.ports.artifacts import Artifacts
from fsictl.records.encoding import decode_rows, encode_rows
from fsictl.records.message import Received
from fsictl.records.schemas import METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.streams.pipeline import Result, dead_letters

NAME = "infer"
CHAMPION = "champion"

ROWS_PER_MESSAGE = 5_000

log = logging.getLogger(__name__)


class CurrentModel:
    """The version that an alias names, loaded again when the alias moves.

    A version that cannot be loaded is reported once, and the last good one stays in use.
    """

    def __init__(self, artifacts: Artifacts, load: Callable[[Artifacts, str], Scorer], alias: str = CHAMPION) -> None:
        self._artifacts, self._load, self._alias = artifacts, load, alias
        self._scorer: Scorer | None = None
        self._asked: str | None = None

    def get(self) -> Scorer | None:
        """The scorer in force; ``None`` while there has never been one."""
        try:
            version = self._artifacts.resolve(self._alias)
            if version is not None and version != self._asked:
                self._asked = version
                self._scorer = self._load(self._artifacts, version)
                log.info("scoring with model version %s", version)
        except FsictlError as error:
            log.error("model version not loaded, keeping the last good one: %s. %s", error, error.hint)
        return self._scorer


class InferPipeline:
    """Metrics rows in, one verdict out for every window that ends at an extreme RSI."""

    name = NAME
    inputs = (METRICS_TOPIC,)

    def __init__(self, operator: InferenceOperator, model: CurrentModel, clock: Clock) -> None:
        self._operator, self._model, self._clock = operator, model, clock
        self._counters = {"rows": 0, "verdicts": 0, "unreliable": 0, "rejected": 0}

    def restore(self, state: bytes | None, counters: Mapping[str, int]) -> None:
        self._counters |= {key: counters.get(key, 0) for key in self._counters}
        if state is not None:
            self._operator.restore(state)

    def step(self, received: Sequence[Received]) -> Result:
        if not received:
            return Result()
        decoded = decode_rows(METRICS, list(received))
        self._counters["rows"] += decoded.table.num_rows
        self._counters["rejected"] += len(decoded.rejects)
        result = Result(outgoing=dead_letters(decoded.rejects, self._clock.now_ms()))
        verdicts = self._operator.process(decoded.table, self._model.get())
        self._counters["verdicts"] += verdicts.num_rows
        self._counters["unreliable"] += sum(value is True for value in verdicts.column("unreliable").to_pylist())
        for start in range(0, verdicts.num_rows, ROWS_PER_MESSAGE):
            message = encode_rows(RECONERR, verdicts.slice(start, ROWS_PER_MESSAGE))
            result.outgoing.append((RECONERR_TOPIC, message))
        result.urgent = bool(result.outgoing)
        return result

    def snapshot(self) -> bytes | None:
        return self._operator.snapshot()

    def counters(self) -> Mapping[str, int]:
        return self._counters
