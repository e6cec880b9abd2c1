"""Rows as people read them: a table, or one row below the other where its columns do not fit."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

_LEAST_TEXT = 12
"""Characters of a text below which folding it makes it hard to read."""

_BETWEEN = 2


def table_of(
    cells: Sequence[Sequence[str]],
    headings: Sequence[str],
    *,
    numeric: Collection[int] = (),
    title: str = "",
    width: int | None = None,
) -> Table:
    """The rows under their headings; ``numeric`` columns, by position, stand to the right.

    Where that takes more than ``width`` characters even with long texts folded, every row becomes a block of lines, a
    heading and its value each.
    """
    if width is not None and _least(cells, headings, numeric) > width:
        return _blocks(cells, headings, title)
    return _below_headings(cells, headings, numeric, title)


def _below_headings(
    cells: Sequence[Sequence[str]], headings: Sequence[str], numeric: Collection[int], title: str
) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, _BETWEEN - 1, 0, 0))
    for at, heading in enumerate(headings):
        table.add_column(Text(heading), justify="right" if at in numeric else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _blocks(cells: Sequence[Sequence[str]], headings: Sequence[str], title: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, box=box.SIMPLE, title_justify="left", pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for row in cells:
        for heading, value in zip(headings, row, strict=True):
            table.add_row(Text(heading), Text(value))
        table.add_section()
    return table


def _least(cells: Sequence[Sequence[str]], headings: Sequence[str], numeric: Collection[int]) -> int:
    """The characters that a line takes when texts are folded as far as is pleasant, and headings between words."""
    from rich.cells import cell_len

    taken = 0
    for at, heading in enumerate(headings):
        longest = max((cell_len(row[at]) for row in cells), default=0)
        word = max(map(cell_len, heading.split()), default=0)
        taken += max(longest if at in numeric else min(longest, _LEAST_TEXT), word) + _BETWEEN
    return taken


def natural_width(table: Table) -> int:
    """The characters of its longest line when nothing is folded."""
    from rich.console import Console
    from rich.measure import Measurement

    console = Console(width=1_000_000)
    return Measurement.get(console, console.options, table).maximum
