"""Simulated clients do the same however long they are watched, and whoever else trades."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.clients.simulate import simulate_clients
from fsictl.errors import InputError

DAY = 86_400.0
START = 1_764_547_200_000  # 2025-12-01T00:00:00Z
WORTH = {"EURUSD": 1.18, "USDJPY": 1.0}


def _rows(clients: int, days: float, seed: int = 1) -> list[dict]:
    tables = simulate_clients(clients, WORTH, seed=seed, start_ms=START, duration=days * DAY)
    return [row for table in tables for row in table.to_pylist()]


def _known(rows: list[dict]) -> set[tuple]:
    return {tuple(row.values()) for row in rows}


@settings(max_examples=20, deadline=None)
@given(clients=st.integers(1, 30), more=st.integers(0, 30), days=st.floats(1, 60), longer=st.floats(0, 60))
def test_more_clients_and_more_time_only_add(clients: int, more: int, days: float, longer: float) -> None:
    short, long = _rows(clients, days), _rows(clients + more, days + longer)
    assert _known(short) <= _known(long)
    assert all(START <= row["timestamp"] < START + days * DAY * 1000 for row in short)


def test_every_transaction_has_an_identifier_of_its_own_and_a_cancelled_trade_gives_the_money_back() -> None:
    rows = _rows(300, 90)
    assert max(Counter(row["transaction_id"] for row in rows).values()) == 1
    by_id = {row["transaction_id"]: row for row in rows}
    cancelled = [row for row in rows if row["transaction_id"].endswith("-cancelled")]
    assert cancelled
    for row in cancelled:
        trade = by_id[row["transaction_id"].removesuffix("-cancelled")]
        assert row["amount"] == -trade["amount"]
        assert 0 < row["timestamp"] - trade["timestamp"] <= 30 * 60_000


def test_another_seed_is_another_world() -> None:
    assert not _known(_rows(20, 60)) & _known(_rows(20, 60, seed=2))


@pytest.mark.parametrize(("clients", "worth"), [(0, WORTH), (1, {})])
def test_nobody_or_nothing_is_refused(clients: int, worth: dict[str, float]) -> None:
    with pytest.raises(InputError):
        list(simulate_clients(clients, worth, seed=1, start_ms=START, duration=DAY))
