"""The pairs of the simulator are the ones that the settings offer."""

from __future__ import annotations

from fsictl.prices.pairs import PAIRS
from fsictl.settings import schema


def test_settings_and_simulator_agree() -> None:
    assert tuple(PAIRS) == schema.PAIRS


def test_yen_pairs_have_three_decimals() -> None:
    assert {symbol: pair.decimals for symbol, pair in PAIRS.items()} == {
        symbol: 3 if symbol.endswith("JPY") else 5 for symbol in PAIRS
    }
