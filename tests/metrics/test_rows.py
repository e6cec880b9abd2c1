"""Blocks as tables."""

from __future__ import annotations

import subprocess
import sys

from fsictl.metrics.block import MetricsBlock
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.records.arrow import arrow_schema
from fsictl.records.encoding import encode_rows
from fsictl.records.schemas import METRICS
from fsictl.records.ticks import Ticks


def test_nan_becomes_null_in_the_nullable_columns_alone() -> None:
    operator = MetricsOperator(MetricsParameters(max_gap=0))
    operator.process(Ticks.of(["A", "A", "B"], [0, 1_000, 1_000], [1.0, 2.0, 3.0]))
    table = table_of_block(operator.on_watermark(None))
    assert table.schema == arrow_schema(METRICS)
    assert table.column("symbol").to_pylist() == ["A", "A", "B"]
    assert table.column("RELATIVE_STRENGTH").to_pylist() == [None, None, None]
    assert table.column("RELATIVE_STRENGTH_INDICATOR").to_pylist() == [None, 100.0, None]
    nulls = {name: table.column(name).null_count for name in table.column_names}
    assert {name for name, count in nulls.items() if count} == {"RELATIVE_STRENGTH", "RELATIVE_STRENGTH_INDICATOR"}
    assert encode_rows(METRICS, table).attributes["timestamp"] == "999"


def test_no_rows_have_the_same_columns() -> None:
    assert table_of_block(MetricsBlock.empty(("A",))).schema == arrow_schema(METRICS)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, fsictl.metrics; print([m for m in ('numpy', 'pyarrow') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
