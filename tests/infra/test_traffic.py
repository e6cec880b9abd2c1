from __future__ import annotations

import pyarrow as pa
import pytest

from fsictl.infra.traffic import LEAST_BILLED, message_bytes, traffic
from fsictl.records.arrow import arrow_schema
from fsictl.records.encoding import encode_rows
from fsictl.records.schemas import METRICS, PRICES, RECONERR, Kind, Schema


def _table(schema: Schema, rows: int) -> pa.Table:
    of = {Kind.TEXT: "EURUSD", Kind.FLOAT: 1.5, Kind.BOOLEAN: False}
    columns = {field.name: [of.get(field.kind, 1_700_000_000_000)] * rows for field in schema.fields}
    return pa.table(columns, schema=arrow_schema(schema))


@pytest.mark.parametrize("schema", [PRICES, METRICS, RECONERR], ids=lambda schema: schema.name)
@pytest.mark.parametrize("rows", [1, 17, 100, 1000])
def test_messages_are_as_long_as_the_encoder_makes_them(schema: Schema, rows: int) -> None:
    """Within a tenth, the 1,000 bytes aside that Pub/Sub counts at least."""
    size = len(encode_rows(schema, _table(schema, rows)).data)
    assert message_bytes(schema.name, rows) == pytest.approx(max(size, LEAST_BILLED), rel=0.1)


def test_small_messages_cost_more_than_large_ones() -> None:
    def published(linger: float) -> float:
        return traffic(17, 10.0, batch=1000, linger=linger, extreme_share=0.5).published["prices"]

    assert published(0.001) == pytest.approx(170 * LEAST_BILLED * 730 * 3600)  # every tick alone
    assert published(0.01) > 4 * published(0.5)
    assert published(60.0) == published(600.0)  # no more than a batch


def test_nothing_flows_without_symbols() -> None:
    month = traffic(0, 10.0, batch=1000, linger=0.01, extreme_share=0.5)
    assert set(month.published.values()) | set(month.stored.values()) == {0.0}
