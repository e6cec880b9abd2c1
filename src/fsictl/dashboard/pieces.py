"""A piece of a symbol's history: rows of metrics with their verdicts, thinned, and ready to be sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fsictl.dashboard.episodes import timestamp_of
from fsictl.dashboard.queries import METRICS_NAMES, VERDICT_NAMES, columns_of, one_verdict_each, seconds_in
from fsictl.dashboard.thinning import holes, thin
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS, RECONERR

NAMES = METRICS_NAMES | VERDICT_NAMES


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which rows a piece has: those of one symbol with ``start <= time <= end`` (s), about ``points`` of them.

    A line may be drawn across at most ``pause`` seconds without rows; ``champion`` is whose verdicts count.
    """

    symbol: str
    start: int
    end: int
    points: int
    pause: float
    champion: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows that are kept, the seconds of all rows, and the columns of the kept ones as the inside of JSON lists.

    ``pauses`` are the seconds after which rows are missing for so long that a chart must not draw a line across; in
    ``text`` a row of nulls stands there.
    """

    kept: pa.Table
    seconds: npt.NDArray[np.int64]
    pauses: npt.NDArray[np.int64]
    text: dict[str, str]

    @property
    def rows(self) -> int:
        """How many rows there were."""
        return len(self.seconds)


def read_pieces(warehouse: Warehouse, stretches: Sequence[Stretch]) -> list[Piece]:
    """Pieces that follow each other, as the tables have them now, in one go; an hour takes a hundredth of a second."""
    where: dict[str, Any] = {
        "symbols": [stretches[0].symbol],
        "start": timestamp_of(stretches[0].start),
        "end": timestamp_of(stretches[-1].end) + 1,
    }
    wanted = ["symbol", "timestamp"]
    metrics = warehouse.read(METRICS.name, columns=[*wanted, *METRICS_NAMES], **where)
    verdicts = warehouse.read(RECONERR.name, columns=[*wanted, *VERDICT_NAMES], **where)
    rows = _with_verdicts(metrics, one_verdict_each(verdicts, stretches[0].champion))
    begins = np.searchsorted(seconds_in(rows), [*(one.start for one in stretches), stretches[-1].end + 1])
    cuts = zip(stretches, begins[:-1].tolist(), begins[1:].tolist(), strict=True)
    return [_thinned(rows.slice(begin, end - begin), stretch) for stretch, begin, end in cuts]


def _thinned(rows: pa.Table, stretch: Stretch) -> Piece:
    seconds = seconds_in(rows)
    gaps = holes(seconds, least=stretch.pause)
    kept = np.union1d(_kept(rows, stretch.points), np.r_[gaps, gaps + 1]).astype(np.int64)
    return _piece(rows.take(pa.array(kept)), seconds, seconds[gaps])


def within(piece: Piece, start: float, end: float) -> Piece:
    """What of a piece lies in ``start <= time <= end``; the same piece if that is all of it."""
    if not piece.rows or (start <= piece.seconds[0] and piece.seconds[-1] <= end):
        return piece
    inside = (piece.seconds >= start) & (piece.seconds <= end)
    kept = seconds_in(piece.kept)
    return _piece(piece.kept.filter(pa.array((kept >= start) & (kept <= end))), piece.seconds[inside], piece.pauses)


def _piece(kept: pa.Table, seconds: npt.NDArray[np.int64], pauses: npt.NDArray[np.int64]) -> Piece:
    columns = columns_of(kept, NAMES)
    del columns["symbol"]
    times = columns["time"]
    for row in reversed(np.flatnonzero(np.isin(times[:-1], pauses)).tolist()):
        for name, values in columns.items():
            values.insert(row + 1, times[row] + 1 if name == "time" else None)
    text = {name: json.dumps(values, separators=(",", ":"))[1:-1] for name, values in columns.items()}
    return Piece(kept, seconds, pauses, text)


def _with_verdicts(metrics: pa.Table, verdicts: pa.Table) -> pa.Table:
    """The metrics rows of one symbol, each with the verdict of its second or nulls."""
    wanted, there = metrics["timestamp"].to_numpy(), verdicts["timestamp"].to_numpy()
    at = np.searchsorted(there, wanted)
    found = np.zeros(len(wanted), bool)
    inside = at < len(there)
    found[inside] = there[at[inside]] == wanted[inside]
    picks = pa.array(at, mask=~found)
    for name in VERDICT_NAMES:
        metrics = metrics.append_column(name, verdicts[name].take(picks))
    return metrics


def _kept(rows: pa.Table, points: int) -> npt.NDArray[np.int64]:
    if not rows.num_rows:
        return np.zeros(0, np.int64)
    series = [
        np.asarray(pc.fill_null(rows[name], np.nan).to_numpy(), np.float64)
        for name in ("LAST", "RELATIVE_STRENGTH_INDICATOR", "reconstruction_error")
    ]
    unreliable = pc.fill_null(rows["unreliable"], False).to_numpy()
    changes = np.r_[False, unreliable[1:] != unreliable[:-1]]
    return thin(series, points, keep=changes | np.r_[changes[1:], False])
