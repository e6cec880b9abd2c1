"""A symbol's rows over a stretch of time, thinned to what a chart can show, put together of pieces.

Pieces begin at whole hours, or for a short time at every tenth minute, whatever the time that is asked for. So the
pieces that are over are the same for everybody who asks, and need to be read only once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fsictl.dashboard.pieces import NAMES, Piece, Stretch, within

SHORT = 7_200
PIECE, SHORT_PIECE = 3_600, 600


@dataclass(frozen=True, slots=True)
class Request:
    """Rows of one symbol with ``start <= time <= end`` (s), about ``points`` of them."""

    symbol: str
    start: float
    end: float
    points: int
    champion: str | None

    @property
    def pause(self) -> float:
        """Seconds between two rows across which a chart may still draw a line."""
        return max(1.5, (self.end - self.start) / 400)

    def stretches(self) -> list[Stretch]:
        """The whole pieces that cover it and share its points.

        >>> [(one.start, one.end) for one in Request("A", 3000, 12_000, 3000, None).stretches()]
        [(0, 3599), (3600, 7199), (7200, 10799), (10800, 14399)]
        >>> [(one.start, one.end) for one in Request("A", 3000, 4000, 3000, None).stretches()]
        [(3000, 3599), (3600, 4199)]
        """
        length = self.end - self.start
        piece = SHORT_PIECE if length <= SHORT else PIECE
        points = max(1, math.ceil(self.points * piece / max(length, 1)))
        start = int(self.start // piece * piece)
        return [
            Stretch(self.symbol, begin, begin + piece - 1, points, self.pause, self.champion)
            for begin in range(start, int(self.end) + 1, piece)
        ]


def runs(stretches: Sequence[Stretch], at_once: float) -> list[Sequence[Stretch]]:
    """Stretches that follow each other, in groups of at most so many seconds (or of one).

    >>> [len(run) for run in runs(Request("A", 0, 7000, 3000, None).stretches(), 3600)]
    [6, 6]
    """
    length = max(1, int(at_once // (stretches[0].end + 1 - stretches[0].start)))
    return [stretches[place : place + length] for place in range(0, len(stretches), length)]


def answer(request: Request, pieces: Sequence[Piece]) -> str:
    """The pieces as a JSON object: columns of what lies within the request, and what it was thinned from."""
    parts = [within(piece, request.start, request.end) for piece in pieces]
    columns: dict[str, list[str]] = {name: [] for name in ("time", *NAMES.values())}
    before = math.inf
    for part in parts:
        if not part.rows:
            continue
        if part.seconds[0] - before > request.pause:
            for name, texts in columns.items():
                texts.append(str(before + 1) if name == "time" else "null")
        for name, texts in columns.items():
            texts.append(part.text[name])
        before = int(part.seconds[-1])
    rows, kept = sum(part.rows for part in parts), sum(part.kept.num_rows for part in parts)
    told = {
        "symbol": request.symbol,
        "start": request.start,
        "end": request.end,
        "rows": rows,
        "thinned": kept < rows,
    }
    inside = ",".join(f'"{name}":[{",".join(texts)}]' for name, texts in columns.items())
    return f'{json.dumps(told)[:-1]}, "columns": {{{inside}}}}}'
