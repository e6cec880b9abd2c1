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


@pytest.mark.parametrize("name", TARGETS)
def test_right_bytes_cut_short_changed_or_doubled_are_survived(name: str) -> None:
    for seed in SEEDS[name]:

        @given(st.integers(0, len(seed)), st.integers(0, len(seed)), st.binary(max_size=6))
        @settings(max_examples=40, deadline=None)
        def damaged(start: int, end: int, noise: bytes, seed: bytes = seed) -> None:
            TARGETS[name](seed[:start] + noise + seed[end:])

        damaged()


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "data",
    [b"", b"[" * 100_000, b'{"a":' * 50_000, b"\xff" * 64, b"9" * 5_000, b"-1e999", b"[1e999, NaN, -Infinity]", b"\0"],
    ids=["nothing", "nested lists", "nested objects", "noise", "digits", "overflow", "not numbers", "zero"],
)
def test_the_usual_suspects_are_survived(name: str, data: bytes) -> None:
    TARGETS[name](data)
