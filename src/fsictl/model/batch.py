"""Batch inference: stored metrics of a time range through the same operator that judges live ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fsictl.model.columns import COLUMNS
from fsictl.model.features import history_rows
from fsictl.model.inference import InferenceOperator
from fsictl.model.versions import Scorer
from fsictl.model.windows import ROW_MS, WindowRules
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS

if TYPE_CHECKING:
    import pyarrow as pa

SLICE_MS = 3_600_000


def infer_batch(
    warehouse: Warehouse,
    scorer: Scorer | None,
    *,
    start: int,
    end: int,
    symbols: Sequence[str] | None = None,
    rules: WindowRules | None = None,
) -> Iterator[pa.Table]:
    """Verdicts about stored rows with ``start <= timestamp < end`` (ms), hour by hour, as rows of ``reconerr``.

    Rows before ``start`` are read as far as the first windows reach back, so that the verdicts are those the
    live stream would have given. Nothing is written.
    """
    operator = InferenceOperator(rules)
    reach = (operator.rules.length + history_rows(operator.rules.metrics_window)) * ROW_MS
    before = warehouse.read(METRICS.name, symbols=symbols, start=start - reach, end=start, columns=COLUMNS)
    operator.process(before, None)
    for since in range(start, end, SLICE_MS):
        until = min(since + SLICE_MS, end)
        yield operator.process(
            warehouse.read(METRICS.name, symbols=symbols, start=since, end=until, columns=COLUMNS), scorer
        )
