"""Price files: what is written is what is read, and a file is whole or not there."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.errors import InputError, StorageError
from fsictl.prices.files import write_prices
from fsictl.prices.replay import read_all_prices
from fsictl.records.files import ENDINGS
from fsictl.records.ticks import MAX_TIMESTAMP_MS, Ticks

symbols = st.from_regex(r"[A-Za-z0-9._/\-]{1,32}", fullmatch=True)
prices = st.floats(min_value=5e-324, allow_infinity=False, allow_nan=False)
rows = st.lists(st.tuples(symbols, st.integers(0, MAX_TIMESTAMP_MS), prices), min_size=1, max_size=20)


def as_rows(ticks: Ticks) -> list[tuple[str, int, float]]:
    return [(ticks.symbol_of(i), int(ticks.timestamp[i]), float(ticks.value[i])) for i in range(len(ticks))]


def ticks_of(rows: list[tuple[str, int, float]]) -> Ticks:
    return Ticks.of(*zip(*rows, strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=40, deadline=None)
@given(blocks=st.lists(rows, min_size=1, max_size=3))
def test_round_trip(ending: str, blocks: list[list[tuple[str, int, float]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, f"prices{ending}")
        written = write_prices(path, [ticks_of(block) for block in blocks])
        ticks, rejects = read_all_prices(path)
        flat = [row for block in blocks for row in block]
        assert written == len(flat)
        assert rejects == []
        assert as_rows(ticks) == flat
        assert os.listdir(directory) == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_to_write(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"prices{ending}"
    assert write_prices(path, []) == 0
    assert path.exists()
    with pytest.raises(InputError):
        read_all_prices(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failure_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"prices{ending}"
    path.write_text("older")

    def source() -> Iterator[Ticks]:
        yield Ticks.of(["A"], [1], [1.0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_prices(path, source())
    assert path.read_text() == "older"
    assert os.listdir(tmp_path) == [path.name]


def test_permissions_are_the_usual_ones(tmp_path: Path) -> None:
    path, other = tmp_path / "prices.csv", tmp_path / "other"
    write_prices(path, [])
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("name", ["prices.txt", "prices", "prices.csv.gz"])
def test_unknown_ending(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="ending"):
        write_prices(tmp_path / name, [])


def test_directories(tmp_path: Path) -> None:
    (tmp_path / "is.csv").mkdir()
    for path in (tmp_path / "none" / "prices.csv", tmp_path / "is.csv"):
        with pytest.raises(StorageError):
            write_prices(path, [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_full_disk(tmp_path: Path, ending: str) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageError, match="File too large"):
            write_prices(tmp_path / f"prices{ending}", [Ticks.of(["A"] * 50_000, range(50_000), range(1, 50_001))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == []
