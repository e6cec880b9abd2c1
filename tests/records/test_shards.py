from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from fsictl.records.shards import rows_by_shard, shard_of, ticks_by_shard
from fsictl.records.ticks import Ticks

_SYMBOLS = st.lists(st.sampled_from(["EURUSD", "USDJPY", "A", "B", "X/Y", "z"]), max_size=30)


def test_the_shard_of_a_symbol_never_changes() -> None:
    assert [shard_of(symbol) for symbol in ("EURUSD", "USDJPY", "CADJPY")] == [43, 4, 32]


@given(_SYMBOLS, st.integers(1, 5))
def test_ticks_are_split_without_loss_and_in_order(symbols: list[str], shards: int) -> None:
    ticks = Ticks.of(symbols, range(len(symbols)), [1.0] * len(symbols))
    found = {}
    for shard, part in ticks_by_shard(ticks, shards):
        assert len(part)
        found[shard] = [(part.symbol_of(index), int(part.timestamp[index])) for index in range(len(part))]
    expected: dict[int, list[tuple[str, int]]] = {}
    for number, symbol in enumerate(symbols):
        expected.setdefault(shard_of(symbol, shards), []).append((symbol, number))
    assert found == expected


@given(_SYMBOLS, st.integers(1, 5))
def test_rows_are_split_as_ticks_are(symbols: list[str], shards: int) -> None:
    table = pa.table({"symbol": pa.array(symbols, pa.string()), "n": range(len(symbols))})
    found = {shard: part.to_pylist() for shard, part in rows_by_shard(table, shards)}
    expected: dict[int, list[dict[str, object]]] = {}
    for number, symbol in enumerate(symbols):
        expected.setdefault(shard_of(symbol, shards), []).append({"symbol": symbol, "n": number})
    assert found == expected
