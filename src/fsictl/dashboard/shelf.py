"""Pieces of history that are over, kept so that they need not be read again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from fsictl.clock import Clock
from fsictl.dashboard.pieces import Piece, Stretch


class Shelf:
    """Keeps the pieces that were asked for last, as many as have ``most`` rows together, each for ``seconds``.

    A row takes about 400 bytes. A piece is dropped as soon as rows of its time arrive. What is written over rows that
    were there already cannot be seen from outside; therefore no piece is kept for longer than a few minutes.
    """

    def __init__(self, clock: Clock, *, most: int = 150_000, seconds: float = 300.0) -> None:
        self._clock = clock
        self._most = most
        self._seconds = seconds
        self._pieces: OrderedDict[Stretch, tuple[float, Piece]] = OrderedDict()
        self._rows = 0

    def get(
        self, stretches: Sequence[Stretch], newest: int, read: Callable[[Sequence[Stretch]], Sequence[Piece]]
    ) -> list[Piece]:
        """The pieces of one symbol that follow each other, from here or, all that are missing at once, read anew.

        ``newest`` is the end of the symbol's newest bar.
        """
        now = self._clock.monotonic()
        found = {stretch: self._pieces[stretch] for stretch in stretches if stretch in self._pieces}
        kept = {stretch: piece for stretch, (at, piece) in found.items() if now - at < self._seconds}
        for stretch in kept:
            self._pieces.move_to_end(stretch)
        missing = [place for place, stretch in enumerate(stretches) if stretch not in kept]
        if missing:
            run = stretches[missing[0] : missing[-1] + 1]
            for stretch, piece in zip(run, read(run), strict=True):
                kept[stretch] = piece
                self._drop(stretch)
                if stretch.end <= newest:
                    self._keep(stretch, piece, now)
        return [kept[stretch] for stretch in stretches]

    def _keep(self, stretch: Stretch, piece: Piece, now: float) -> None:
        self._pieces[stretch] = now, piece
        self._rows += piece.kept.num_rows
        while self._rows > self._most:
            self._drop(next(iter(self._pieces)))

    def arrived(self, since: Mapping[str, int]) -> None:
        """Rows have come: of each symbol the first of them has its bar end at that second."""
        for stretch in [one for one in self._pieces if one.end >= since.get(one.symbol, one.end + 1)]:
            self._drop(stretch)

    def clear(self) -> None:
        """Drop everything."""
        self._pieces.clear()
        self._rows = 0

    def _drop(self, stretch: Stretch) -> None:
        if stretch in self._pieces:
            self._rows -= self._pieces.pop(stretch)[1].kept.num_rows

    def __len__(self) -> int:
        return len(self._pieces)
