"""The pipeline from metrics rows to verdicts, by the model version that the alias ``champion`` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fsictl.clock import Clock
from fsictl.model.champion import Champion
from fsictl.model.inference import InferenceOperator
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.records.encoding import DecodedRows, decode_rows, encode_all_rows
from fsictl.records.message import Received
from fsictl.records.schemas import METRICS, METRICS_TOPIC, RECONERR, RECONERR_TOPIC
from fsictl.streams.pipeline import Result, dead_letters

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "infer"


class InferPipeline:
    """Metrics rows in, one verdict out for every window that ends at an extreme RSI."""

    name = NAME
    inputs = (METRICS_TOPIC,)

    def __init__(self, rules: WindowRules, artifacts: Artifacts, clock: Clock) -> None:
        self._clock = clock
        self._operator = InferenceOperator(rules)
        self._champion = Champion(artifacts)
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
        verdicts = self._operator.process(decoded.table, self._champion.scorer())
        result.outgoing += [(RECONERR_TOPIC, message) for message in encode_all_rows(RECONERR, verdicts)]
        result.urgent = bool(result.outgoing)
        self._count(decoded, verdicts)
        return result

    def _count(self, decoded: DecodedRows, verdicts: pa.Table) -> None:
        self._counters["rows"] += decoded.table.num_rows
        self._counters["rejected"] += len(decoded.rejects)
        self._counters["verdicts"] += verdicts.num_rows
        self._counters["unreliable"] += verdicts.column("unreliable").to_pylist().count(True)
        self._counters["alerts"] += verdicts.column("alert").to_pylist().count(True)

    def snapshot(self) -> bytes | None:
        return self._operator.snapshot()

    def counters(self) -> Mapping[str, int]:
        return self._counters
