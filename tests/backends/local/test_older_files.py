"""Files that an earlier fsictl made: read as they are, completed when they are written."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clock import ManualClock
from fsictl.model.promotion import promotion


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    """With a promotion from before there were versions of single symbols."""
    made = LocalWarehouse(tmp_path, ManualClock())
    made.write("promotions", promotion("v1", None, action="train", at=1))
    made.close()
    connection = apsw.Connection(str(tmp_path / "warehouse.db"))
    connection.execute("ALTER TABLE promotions DROP COLUMN symbol")
    connection.close()
    return LocalWarehouse(tmp_path, ManualClock())


def test_a_column_that_is_missing_is_read_as_null(warehouse: LocalWarehouse) -> None:
    (row,) = warehouse.read("promotions").to_pylist()
    assert (row["model_version"], row["symbol"]) == ("v1", None)


def test_it_is_there_after_the_first_write(warehouse: LocalWarehouse) -> None:
    warehouse.write("promotions", promotion("v2", "v1", action="promote", at=2, symbol="EURUSD"))
    assert [row["symbol"] for row in warehouse.read("promotions").to_pylist()] == [None, "EURUSD"]
