"""A client trades at what the second before said."""

from __future__ import annotations

from pathlib import Path

from tests.sql.conftest import MIDNIGHT, metrics, transactions

from fsictl.backends.local.warehouse import LocalWarehouse
from fsictl.clients.quotes import with_prices
from fsictl.clock import ManualClock


def test_the_price_is_that_of_the_last_closed_second(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(tmp_path, ManualClock())
    warehouse.write("metrics", metrics([1.1, 1.2, 1.3], MIDNIGHT))
    times = [MIDNIGHT + 999, MIDNIGHT + 1000, MIDNIGHT + 1999, MIDNIGHT + 2000, MIDNIGHT + 3999, MIDNIGHT + 4000]
    found = with_prices(transactions([("c", time, 1.0) for time in times]), warehouse)
    assert found.column("price").to_pylist() == [None, 1.1, 1.1, 1.2, 1.3, None]


def test_without_any_row_no_price_is_known(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(tmp_path, ManualClock())
    found = with_prices(transactions([("c", MIDNIGHT, 1.0)]), warehouse)
    assert found.column("price").to_pylist() == [None]
