"""Rows of the operator against rows of the reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.rows import table_of_block
from fsictl.records.schemas import METRICS, Kind

Row = dict[str, Any]

SPREADS = {"STANDARD_DEVIATION", "SUM_UP_MOVEMENT", "SUM_DOWN_MOVEMENT"} | {
    name for name in METRICS.names if name.startswith(("BB_UPPER", "BB_BOTTOM", "ABS_MOVING"))
}


def rows_of(blocks: Iterable[MetricsBlock]) -> dict[str, list[Row]]:
    """The rows of each symbol in order of emission, null as None."""
    rows: dict[str, list[Row]] = {}
    for block in blocks:
        table = table_of_block(block)
        table.validate(full=True)
        for row in table.to_pylist():
            rows.setdefault(row["symbol"], []).append(row)
    return rows


def bytes_of(blocks: Iterable[MetricsBlock]) -> dict[str, bytes]:
    """The rows of each symbol in order of emission, to the bit."""
    joined = MetricsBlock.concat(list(blocks))
    return {
        symbol: b"".join(joined.columns[name][joined.code == code].tobytes() for name in METRICS.names[1:])
        for code, symbol in enumerate(joined.symbols)
        if (joined.code == code).any()
    }


def assert_rows(actual: list[Row], expected: list[Row]) -> None:
    """Equal, within the accuracy that the definition demands."""
    assert [row["timestamp"] for row in actual] == [row["timestamp"] for row in expected]
    for mine, theirs in zip(actual, expected, strict=True):
        for field in METRICS.fields:
            value, wanted = mine[field.name], theirs[field.name]
            if field.kind is not Kind.FLOAT or wanted is None:
                assert value == wanted, (field.name, mine, theirs)
            else:
                absolute = 1e-12 * wanted_price(theirs) if field.name in SPREADS else 0.0
                assert value == pytest.approx(wanted, rel=1e-9, abs=absolute), (field.name, mine, theirs)


def wanted_price(row: Row) -> float:
    price: float = row["LAST"]
    return price
