"""A symbol's rows over a stretch of time, thinned to what a chart can show, read in pieces to let others in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fsictl.dashboard.episodes import timestamp_of
from fsictl.dashboard.queries import METRICS_NAMES, VERDICT_NAMES, Columns, columns_of, one_verdict_each, seconds_in
from fsictl.dashboard.thinning import holes, thin
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS, RECONERR

PIECE = 3600


@dataclass(frozen=True, slots=True)
class Request:
    """Rows of one symbol with ``start <= time <= end`` (s), about ``points`` of them."""

    symbol: str
    start: float
    end: float
    points: int
    champion: str | None

    @property
    def longest_pause(self) -> float:
        """Seconds between two rows across which a chart may still draw a line."""
        return max(1.5, (self.end - self.start) / 400)

    def pieces(self) -> list[Request]:
        """The same in pieces of an hour at most, which share the points.

        >>> [(piece.start, piece.end) for piece in Request("A", 0, 9000, 3000, None).pieces()]
        [(0, 3599), (3600, 7199), (7200, 9000)]
        """
        length = max(self.end - self.start, 1.0)
        found = []
        start = self.start
        while start <= self.end:
            end = min(self.end, start + PIECE - 1)
            points = round(self.points * (end - start + 1) / length)
            found.append(Request(self.symbol, start, end, max(points, 1), self.champion))
            start += PIECE
        return found


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows kept of a piece, the seconds after which rows are missing, and how many rows there were."""

    kept: pa.Table
    pauses: npt.NDArray[np.int64]
    rows: int


def history(warehouse: Warehouse, request: Request) -> dict[str, Any]:
    """The whole answer at once."""
    pause = request.longest_pause
    return joined(request, [read_piece(warehouse, piece, pause) for piece in request.pieces()])


def read_piece(warehouse: Warehouse, request: Request, longest_pause: float) -> Piece:
    """One piece; a few hundredths of a second."""
    first, after = timestamp_of(request.start), timestamp_of(request.end) + 1
    where: dict[str, Any] = {"symbols": [request.symbol], "start": first, "end": after}
    wanted = ["symbol", "timestamp"]
    metrics = warehouse.read(METRICS.name, columns=[*wanted, *METRICS_NAMES], **where)
    verdicts = warehouse.read(RECONERR.name, columns=[*wanted, *VERDICT_NAMES], **where)
    rows = _with_verdicts(metrics, one_verdict_each(verdicts, request.champion))
    seconds = seconds_in(rows)
    gaps = holes(seconds, least=longest_pause)
    kept = np.union1d(_kept(rows, request.points), np.r_[gaps, gaps + 1]).astype(np.int64)
    return Piece(rows.take(pa.array(kept)), seconds[gaps], len(seconds))


def joined(request: Request, pieces: Sequence[Piece]) -> dict[str, Any]:
    """The pieces as columns.

    A row of nulls stands where rows are missing for so long that a chart must not draw a line across.
    """
    there = [piece for piece in pieces if piece.rows] or list(pieces[:1])
    rows = pa.concat_tables([piece.kept for piece in there])
    columns = columns_of(rows, METRICS_NAMES | VERDICT_NAMES)
    del columns["symbol"]
    seconds = seconds_in(rows)
    pauses = np.isin(seconds, np.concatenate([piece.pauses for piece in there]))
    ends = np.cumsum([piece.kept.num_rows for piece in there])[:-1] - 1
    if len(seconds):
        pauses[ends] |= seconds[ends + 1] - seconds[ends] > request.longest_pause
    _break_lines(columns, np.flatnonzero(pauses).tolist())
    count = sum(piece.rows for piece in pieces)
    return {
        "symbol": request.symbol,
        "start": request.start,
        "end": request.end,
        "rows": count,
        "thinned": len(seconds) < count,
        "columns": columns,
    }


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


def _break_lines(columns: Columns, after: Sequence[int]) -> None:
    """Put a row of nulls one second after each of these rows."""
    times = columns["time"]
    for row in reversed(after):
        for name, values in columns.items():
            values.insert(row + 1, times[row] + 1 if name == "time" else None)


def filling(warehouse: Warehouse, symbol: str, start: int, end: int, *, most: int) -> dict[str, Any]:
    """How seconds became rows: the newest ``most`` ticks of ``start <= time <= end`` and the rows, filled or not."""
    where: dict[str, Any] = {"symbols": [symbol], "end": end * 1000}
    ticks = warehouse.read("prices", columns=["timestamp", "value"], start=start * 1000, newest=most, **where)
    rows = warehouse.read(
        METRICS.name,
        columns=["timestamp", "LAST", "GAP_FILLED", "DATA_POINT_COUNT"],
        start=timestamp_of(start),
        **where,
    )
    return {
        "symbol": symbol,
        "start": start,
        "end": end,
        "ticks": {
            "time": [time / 1000 for time in ticks["timestamp"].to_pylist()],
            "price": ticks["value"].to_pylist(),
        },
        "rows": {
            "time": seconds_in(rows).tolist(),
            "price": rows["LAST"].to_pylist(),
            "gap_filled": rows["GAP_FILLED"].to_pylist(),
            "ticks": rows["DATA_POINT_COUNT"].to_pylist(),
        },
    }
