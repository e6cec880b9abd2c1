from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from tests.model.market import metrics_table

from fsictl.parity.compare import MISSING, Difference, Outcome, first_difference, outcome_of
from fsictl.records.encoding import encode_rows
from fsictl.records.message import Message
from fsictl.records.schemas import METRICS

ROWS = metrics_table("EURUSD", rows=40)
FIRST = 1_600_000_000_999


def _changed(column: str, place: int, value: Any) -> pa.Table:
    index = ROWS.schema.get_field_index(column)
    values = ROWS.column(column).to_pylist()
    values[place] = value
    return ROWS.set_column(index, ROWS.schema.field(index), pa.array(values, ROWS.schema.field(index).type))


def _difference(found: pa.Table) -> Difference | None:
    return first_difference(METRICS, Outcome(ROWS), Outcome(found))


def test_the_order_and_cut_of_messages_do_not_matter() -> None:
    messages = [encode_rows(METRICS, ROWS.slice(start, 7)) for start in range(0, 40, 7)]
    assert first_difference(METRICS, Outcome(ROWS), outcome_of(METRICS, messages[::-1])) is None


def test_the_last_bit_of_a_number_is_seen() -> None:
    value = ROWS.column("LAST")[5].as_py()
    other = float.fromhex(value.hex()) * (1 + 2**-52)
    found = _difference(_changed("LAST", 5, other))
    assert found is not None
    assert (found.symbol, found.timestamp, found.column) == ("EURUSD", FIRST + 5000, "LAST")
    assert (found.expected, found.found) == (f"{value.hex()} ({value!r})", f"{other.hex()} ({other!r})")


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("LOG_RTN", -0.0, "-0x0.0p+0 (-0.0)"),
        ("RELATIVE_STRENGTH", 1.5, "0x1.8000000000000p+0 (1.5)"),
        ("GAP_FILLED", True, "True"),
        ("DATA_POINT_COUNT", 77, "77"),
    ],
)
def test_signs_of_zero_nulls_and_other_types_are_seen(column: str, value: object, said: str) -> None:
    found = _difference(_changed(column, 0, value))
    assert found is not None
    assert (found.column, found.found) == (column, said)


def test_a_number_in_place_of_null_is_seen_both_ways() -> None:
    nothing = _changed("RELATIVE_STRENGTH", 9, None)
    assert first_difference(METRICS, Outcome(ROWS), Outcome(nothing)).found == "null"  # type: ignore[union-attr]
    assert first_difference(METRICS, Outcome(nothing), Outcome(ROWS)).expected == "null"  # type: ignore[union-attr]


def test_a_missing_an_added_and_a_repeated_row_are_seen() -> None:
    shorter = pa.concat_tables([ROWS.slice(0, 3), ROWS.slice(4)])
    place = ("EURUSD", FIRST + 3000, "the whole row")
    assert _difference(shorter) == Difference(*place, "there", MISSING)
    assert first_difference(METRICS, Outcome(shorter), Outcome(ROWS)) == Difference(*place, MISSING, "there")
    assert _difference(ROWS.slice(0, 39)) == Difference("EURUSD", FIRST + 39_000, "the whole row", "there", MISSING)
    twice = pa.concat_tables([ROWS.slice(0, 4), ROWS.slice(3)])
    assert _difference(twice) == Difference(*place, MISSING, "there")


def test_dead_letters_count_too() -> None:
    one = Message(b'{"value": 1.0}', {"origin": "prices/A/1/0"})
    found = first_difference(METRICS, outcome_of(METRICS, [], [one, one]), outcome_of(METRICS, [], [one]))
    assert found == Difference("prices/A/1/0", None, 'dead letter {"value": 1.0}', "2 times", "1 times")
    assert str(found).startswith("prices/A/1/0, dead letter")
