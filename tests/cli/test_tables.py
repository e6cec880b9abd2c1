from __future__ import annotations

from rich.console import Console
from rich.table import Table

from fsictl.cli.tables import natural_width, table_of

HEADINGS = ["symbol", "STANDARD_DEVIATION", "why it is there"]
CELLS = [["EURUSD", "0.00288305", "a text that is long enough to be folded"], ["USDJPY", "–", ""]]


def printed(table: Table, width: int) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return [line.strip() for line in capture.get().splitlines() if line.strip()]


def test_rows_stand_below_their_headings_where_they_fit() -> None:
    table = table_of(CELLS, HEADINGS, numeric={1}, width=50)
    lines = printed(table, 50)
    assert lines[0].split() == ["symbol", "STANDARD_DEVIATION", "why", "it", "is", "there"]
    assert "0.00288305" in lines[2]
    assert max(map(len, lines)) <= 50


def test_rows_become_blocks_where_their_columns_do_not_fit() -> None:
    lines = printed(table_of(CELLS, HEADINGS, numeric={1}, width=30, title="What there is"), 80)
    assert lines[0] == "What there is"
    assert [line.split(maxsplit=1)[0] for line in lines[1:]] == ["symbol", "STANDARD_DEVIATION", "why"] * 2
    assert lines[2].split() == ["STANDARD_DEVIATION", "0.00288305"]


def test_without_a_width_nothing_is_folded() -> None:
    table = table_of(CELLS, HEADINGS, numeric={1})
    width = natural_width(table)
    (row,) = (line for line in printed(table, width) if "EURUSD" in line)
    assert row.endswith("a text that is long enough to be folded")
    assert len(printed(table, width - 1)) > len(printed(table, width))


def test_markup_in_a_cell_is_text() -> None:
    for width in (None, 5):
        assert any("[red]" in line for line in printed(table_of([["[red]"]], ["name"], width=width), 40))
