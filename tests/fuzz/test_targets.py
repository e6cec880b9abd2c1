"""Every reader of bytes survives what it was made for, pieces of it, and what a fuzzer once found."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.targets import TARGETS, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).resolve().parents[2] / "fuzz" / "corpus"
SEEDS = seeds()


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_once_found_is_survived(name: str) -> None:
    for file in sorted((CORPUS / name).glob("*")):
        TARGETS[name](file.read_bytes())


@pytest.mark.parametrize(("name", "number"), [(name, n) for name, of in SEEDS.items() for n in range(len(of))])
@given(start=st.integers(0, 2000), end=st.integers(0, 2000), noise=st.binary(max_size=6))
@settings(max_examples=40, deadline=None)
def test_right_bytes_cut_short_changed_or_doubled_are_survived(
    name: str, number: int, start: int, end: int, noise: bytes
) -> None:
    seed = SEEDS[name][number]
    TARGETS[name](seed[: start % (len(seed) + 1)] + noise + seed[end % (len(seed) + 1) :])


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "data",
    [b"", b"[" * 100_000, b'{"a":' * 50_000, b"\xff" * 64, b"9" * 5_000, b"-1e999", b"[1e999, NaN, -Infinity]", b"\0"],
    ids=["nothing", "nested lists", "nested objects", "noise", "digits", "overflow", "not numbers", "zero"],
)
def test_the_usual_suspects_are_survived(name: str, data: bytes) -> None:
    TARGETS[name](data)
