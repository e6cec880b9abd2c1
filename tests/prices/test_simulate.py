"""The simulator: one series whatever is asked for beside it, and prices as the pairs are quoted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.errors import InputError
from fsictl.prices.pairs import PAIRS
from fsictl.prices.simulate import Simulator, simulate
from fsictl.records.ticks import Ticks

START = 1_700_000_000_000


def rows(ticks: Ticks) -> list[tuple[str, int, float]]:
    return [(ticks.symbol_of(i), int(ticks.timestamp[i]), float(ticks.value[i])) for i in range(len(ticks))]


def all_of(**arguments: object) -> Ticks:
    return Ticks.concat(list(simulate(**arguments)))  # type: ignore[arg-type]


WHOLE = all_of(symbols=["EURUSD", "CADJPY"], hz=3.0, seed=5, start_ms=START, duration=400.0)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, 500.0))
def test_blocks_do_not_change_the_series(block_seconds: float) -> None:
    blocks = list(
        simulate(["EURUSD", "CADJPY"], hz=3.0, seed=5, start_ms=START, duration=400.0, block_seconds=block_seconds)
    )
    assert rows(Ticks.concat(blocks)) == rows(WHOLE)
    block_ms = round(block_seconds * 1000)
    owners = [{int(t - START) // block_ms for t in block.timestamp} for block in blocks]
    assert all(len(owner) == 1 for owner in owners)


def test_a_longer_run_continues_a_shorter_one() -> None:
    short = all_of(symbols=["EURUSD"], seed=5, start_ms=START, duration=90.0)
    long = all_of(symbols=["EURUSD"], seed=5, start_ms=START, duration=200.0)
    assert rows(long)[: len(short)] == rows(short)
    assert short.timestamp[-1] < START + 90_000 <= long.timestamp[len(short)]


def test_other_symbols_change_nothing() -> None:
    both = rows(WHOLE)
    alone = rows(all_of(symbols=["CADJPY"], hz=3.0, seed=5, start_ms=START, duration=400.0))
    assert [row for row in both if row[0] == "CADJPY"] == alone


def test_seeds_differ_and_repeat() -> None:
    first, again, other = (rows(all_of(symbols=["EURUSD"], seed=seed, duration=60.0)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_time_order_rates_and_grid() -> None:
    ticks = all_of(hz=10.0, seed=1, start_ms=START, duration=1200.0)
    assert (np.diff(ticks.timestamp) >= 0).all()
    assert ticks.timestamp[0] >= START
    assert ticks.timestamp[-1] < START + 1_200_000
    for code, symbol in enumerate(ticks.symbols):
        value = ticks.value[ticks.code == code]
        pair = PAIRS[symbol]
        assert len(value) == pytest.approx(12_000 * pair.activity, rel=0.15)
        assert (value == np.round(value, pair.decimals)).all()
        assert (value > 0).all()
        assert (np.diff(value) != 0).mean() > 0.1
        assert abs(value[0] / pair.start - 1) < 0.001


def test_cadjpy_has_gaps_to_fill() -> None:
    ticks = all_of(symbols=["CADJPY"], duration=600.0)
    assert len(np.unique(ticks.timestamp // 1000)) < 500


@pytest.mark.parametrize("hz", [0.01, 200.0])
def test_extreme_rates(hz: float) -> None:
    ticks = all_of(symbols=["USDJPY"], hz=hz, duration=200.0 / hz**0.5 * 10)
    assert len(ticks) > 5
    assert np.isfinite(ticks.value).all()


def test_the_rsi_is_extreme_about_half_of_the_time() -> None:
    ticks = all_of(symbols=["EURUSD", "GBPJPY"], hz=2.0, seed=1, duration=6 * 3600.0)
    shares = []
    for code in range(2):
        mine = ticks.take(ticks.code == code)
        second = mine.timestamp // 1000
        last = np.flatnonzero(np.diff(second, append=-1))
        close = np.interp(np.arange(second[0], second[-1]), second[last], mine.value[last])
        up, down = (np.convolve(np.maximum(sign * np.diff(close), 0), np.ones(299), "valid") for sign in (1, -1))
        shares.append(float(np.mean(np.abs(up / (up + down) - 0.5) > 0.2)))
    assert 0.3 < np.mean(shares) < 0.8


def test_prices_do_not_run_away() -> None:
    ticks = all_of(symbols=["EURUSD"], hz=1.0, seed=3, duration=48 * 3600.0)
    assert 1.0 < ticks.value.min() < ticks.value.max() < 1.4


def test_endless_without_duration() -> None:
    blocks = list(itertools.islice(simulate(["EURUSD"], block_seconds=1.0), 130))
    assert blocks[-1].timestamp[-1] >= 129_000


@pytest.mark.parametrize(
    "arguments",
    [{"symbols": ["XXXYYY"]}, {"symbols": []}, {"hz": 0.0}, {"seed": -1}, {"hz": float("nan")}, {"block_seconds": 0.0}],
)
def test_what_cannot_be_simulated(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError):
        simulate(**arguments)  # type: ignore[arg-type]


def test_a_symbol_named_twice_is_one() -> None:
    assert Simulator(["EURUSD", "EURUSD"]).symbols == ("EURUSD",)
