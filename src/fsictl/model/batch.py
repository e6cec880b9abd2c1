"""Batch inference: stored metrics of a time range through the same operator that judges live ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fsictl.model.aliases import BySymbol
from fsictl.model.columns import COLUMNS
from fsictl.model.features import history_rows
from fsictl.model.inference import InferenceOperator, Scoring, by_symbol
from fsictl.model.versions import Scorer
from fsictl.model.windows import ROW_MS, WindowRules
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import CALIBRATIONS, METRICS

if TYPE_CHECKING:
    import pyarrow as pa

SLICE_MS = 3_600_000

MOST_BACK_MS = 48 * 3_600_000
"""How far before ``start`` the scores since the last calibration are made good for at most."""


def infer_batch(
    warehouse: Warehouse,
    scorer: Scoring,
    *,
    start: int,
    end: int,
    symbols: Sequence[str] | None = None,
    rules: WindowRules | None = None,
    alerting: BySymbol[str] | None = None,
) -> Iterator[pa.Table]:
    """Verdicts about stored rows with ``start <= timestamp < end`` (ms), hour by hour, as rows of ``reconerr``.

    Rows before ``start`` are read as far as the first windows reach back, and calibrations that the live stream
    stored are gone on from, so that the verdicts are those that it gave. Without them the version's own calibration
    holds at ``start``. Nothing is written. ``alerting`` names the versions whose verdicts count, champions that is:
    all others never alert. Without it every version does.
    """
    import pyarrow.compute as pc

    operator = InferenceOperator(rules)
    scorers = by_symbol(scorer)
    held = _calibrations_at(warehouse, scorers, start, symbols) if scorers.all() else None
    first = start
    if held is not None and held.num_rows:
        since = pc.min(held.column("timestamp")).as_py()
        first = max(min(start, since), start - MOST_BACK_MS)
    reach = (operator.rules.length + history_rows(operator.rules.metrics_window)) * ROW_MS
    before = warehouse.read(METRICS.name, symbols=symbols, start=first - reach, end=first, columns=COLUMNS)
    operator.process(before, None)
    if held is not None:
        operator.go_on_from(held)
    for since, until in _slices(first, start, end):
        rows = warehouse.read(METRICS.name, symbols=symbols, start=since, end=until, columns=COLUMNS)
        verdicts = operator.process(rows, scorers)
        if since >= start:
            yield verdicts if alerting is None else _silenced(verdicts, alerting)


def _silenced(verdicts: pa.Table, alerting: BySymbol[str]) -> pa.Table:
    """The same without alerts of versions that do not score their symbol."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = zip(verdicts["symbol"].to_pylist(), verdicts["model_version"].to_pylist(), strict=True)
    counts = pa.array([version == alerting.of(symbol) for symbol, version in names], pa.bool_())
    at = verdicts.column_names.index("alert")
    return verdicts.set_column(at, verdicts.schema.field(at), pc.and_(verdicts["alert"], counts))


def _slices(first: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    for since, until in ((first, start), (start, end)):
        for begin in range(since, until, SLICE_MS):
            yield begin, min(begin + SLICE_MS, until)


def _calibrations_at(
    warehouse: Warehouse, scorers: BySymbol[Scorer], at: int, symbols: Sequence[str] | None
) -> pa.Table:
    """The row of ``calibrations`` in force at that time for each symbol and the version that scores it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = warehouse.read(CALIBRATIONS.name, symbols=symbols, end=at + 1)
    rows = rows.filter(pc.is_in(rows.column("model_version"), pa.array([one.version for one in scorers.all()])))
    newest = rows.group_by(["symbol", "model_version"]).aggregate([("timestamp", "max")]).to_pylist()
    mine = [row for row in newest if (own := scorers.of(row["symbol"])) and own.version == row["model_version"]]
    if not mine:
        return rows.slice(0, 0)
    keys = ["symbol", "model_version", "timestamp"]
    wanted = [
        [row["symbol"] for row in mine],
        [row["model_version"] for row in mine],
        [row["timestamp_max"] for row in mine],
    ]
    return rows.join(pa.table(wanted, names=keys), keys, join_type="left semi")
