"""Snapshots: the whole state, and nothing but a clear error for anything else."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsictl.errors import InputError
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.records.ticks import Ticks

PARAMETERS = MetricsParameters(window=5, max_gap=3)
PREFIX = struct.Struct("<4sBI")


def example() -> bytes:
    """The state of an operator with rows, waiting ticks and a late tick."""
    operator = MetricsOperator(PARAMETERS)
    operator.process(Ticks.of(["A", "B", "A", "A"], [500, 900, 1_500, 9_000], [1.0, 2.0, 1.1, 1.2]))
    operator.on_watermark(2_000)
    operator.process(Ticks.of(["B"], [100], [7.0]))
    return operator.snapshot()


GOOD = example()


def sealed(body: bytes, *, magic: bytes = b"FSIM", version: int = 1) -> bytes:
    """A snapshot whose checksum is right, whatever is in it."""
    return PREFIX.pack(magic, version, zlib.crc32(body)) + body


def test_a_restored_operator_is_the_same() -> None:
    operator = MetricsOperator.restore(GOOD, PARAMETERS)
    assert operator.symbols == ("A", "B")
    assert operator.late_counts == {"A": 0, "B": 1}
    assert operator.snapshot() == GOOD


def test_an_empty_operator_can_be_restored() -> None:
    data = MetricsOperator(PARAMETERS).snapshot()
    assert MetricsOperator.restore(data, PARAMETERS).snapshot() == data


def test_the_watermark_does_not_go_back_after_a_restore() -> None:
    operator = MetricsOperator.restore(GOOD, PARAMETERS)
    operator.process(Ticks.of(["C"], [500], [1.0]))
    assert len(operator.on_watermark(0)) == 2  # the seconds 0 and 1 end before the watermark of 2,000


def test_other_parameters_are_refused() -> None:
    with pytest.raises(InputError, match=r"window=5.*window=6") as caught:
        MetricsOperator.restore(GOOD, MetricsParameters(window=6, max_gap=3))
    assert "settings" in caught.value.hint


@pytest.mark.parametrize("data", [b"", b"FSIM", GOOD[:-1], GOOD + b"\0", b"x" + GOOD, sealed(b"", version=2)])
def test_damage_is_an_input_error(data: bytes) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        MetricsOperator.restore(data, PARAMETERS)


@given(st.binary(max_size=200))
def test_garbage_is_an_input_error(data: bytes) -> None:
    for candidate in (data, sealed(data)):
        with pytest.raises(InputError):
            MetricsOperator.restore(candidate, PARAMETERS)


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_an_input_error(position: int, change: int) -> None:
    data = bytearray(GOOD)
    data[position] ^= change
    with pytest.raises(InputError):
        MetricsOperator.restore(bytes(data), PARAMETERS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["parameters", "symbols", "watermark_ms", "pending", "window", "alpha", "max_gap"]), JSON)
@settings(max_examples=60)
def test_a_forged_header_is_an_input_error_or_harmless(key: str, value: object) -> None:
    body = GOOD[PREFIX.size :]
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length])
    place = header if key in header else header["parameters"]
    place[key] = value
    text = json.dumps(header).encode()
    forged = sealed(struct.pack("<I", len(text)) + text + body[4 + length :])
    try:
        operator = MetricsOperator.restore(forged, PARAMETERS)
    except InputError:
        return
    operator.on_watermark(None)
