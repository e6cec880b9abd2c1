"""The operator's state as bytes and back.

Layout: ``FSIM``, the version (1 byte), the CRC-32 of everything after it (4 bytes, little-endian), the length of the
header (4 bytes), the header as JSON (parameters, symbols, watermark, number of pending ticks), and then the arrays
one after the other, raw and little-endian, in the order of ``_layout``. No part of it is ever executed.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fsictl.errors import InputError, SettingsError
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.pending import Pending
from fsictl.metrics.state import INFINITY_MS, History, SymbolStates
from fsictl.records.ticks import SYMBOL_PATTERN

_MAGIC = b"FSIM"
_VERSION = 1
_PREFIX = struct.Struct("<4sBI")
_LENGTH = struct.Struct("<I")

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything that an operator has to remember."""

    parameters: MetricsParameters
    symbols: tuple[str, ...]
    watermark_ms: int
    states: SymbolStates
    pending: Pending


def encode(snapshot: Snapshot) -> bytes:
    """The snapshot as bytes; the same state gives the same bytes."""
    pending = snapshot.pending.columns()
    header = {
        "parameters": asdict(snapshot.parameters),
        "symbols": snapshot.symbols,
        "watermark_ms": snapshot.watermark_ms,
        "pending": len(pending[0]),
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    states, history = snapshot.states, snapshot.states.history
    arrays = [getattr(states, name) for name in _STATE] + [getattr(history, name) for name in _HISTORY] + [*pending]
    layout = _layout(len(snapshot.symbols), snapshot.parameters.window, len(pending[0]))
    raw = [array.astype(dtype, copy=False).tobytes() for array, (dtype, _) in zip(arrays, layout, strict=True)]
    body = b"".join([_LENGTH.pack(len(text)), text, *raw])
    return _PREFIX.pack(_MAGIC, _VERSION, zlib.crc32(body)) + body


def decode(data: bytes, parameters: MetricsParameters) -> Snapshot:
    """The snapshot in these bytes.

    Raises ``InputError`` when they are none, are damaged, or were made with other parameters.
    """
    try:
        snapshot = _decode(data)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, struct.error, SettingsError) as error:
        message = f"the saved metrics state cannot be read: {error}"
        hint = "Restore it from a backup, or start again from an empty state."
        raise InputError(message, hint=hint) from error
    made_with, asked = _told(snapshot.parameters), _told(parameters)
    if made_with != asked:
        message = f"the saved metrics state was made with {made_with}, not with {asked}"
        raise InputError(message, hint="Set the metrics settings back, or begin anew in another workspace.")
    return snapshot


def _told(parameters: MetricsParameters) -> str:
    """The parameters as settings; an RSI over the whole window is the same however it was asked for."""
    return (
        f"window={parameters.window}, rsi_window={parameters.rsi_seconds},"
        f" max_gap={parameters.max_gap}, alpha={parameters.alpha:g}"
    )


_STATE = ("last_second", "last_real", "last_real_ms", "first_pending", "late")
_HISTORY = tuple(History.__dataclass_fields__)


def _layout(symbols: int, window: int, pending: int) -> list[tuple[str, tuple[int, ...]]]:
    """Type and shape of every array, in order."""
    history = (symbols, window - 1)
    return [
        *(("<i8", (symbols,)) for _ in _STATE),
        *((dtype, history) for dtype in ("<i8", "<f8", "<f8", "<i8", "|b1")),
        *((dtype, (pending,)) for dtype in ("<i8", "<i8", "<f8")),
    ]


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise ValueError(complaint)


def _decode(data: bytes) -> Snapshot:
    magic, version, checksum = _PREFIX.unpack_from(data)
    _require(magic == _MAGIC, "it does not begin as one")
    _require(version == _VERSION, f"it has version {version}, this program knows version {_VERSION}")
    body = memoryview(data)[_PREFIX.size :]
    _require(zlib.crc32(body) == checksum, "its checksum is wrong")
    (length,) = _LENGTH.unpack_from(body)
    start = _LENGTH.size + length
    header = json.loads(bytes(body[_LENGTH.size : start]))
    parameters = MetricsParameters(**header["parameters"])
    symbols = tuple(header["symbols"])
    watermark_ms, waiting = header["watermark_ms"], header["pending"]
    _require(all(SYMBOL_PATTERN.fullmatch(s) for s in symbols), "a symbol is not one")
    _require(len(set(symbols)) == len(symbols), "a symbol is there twice")
    _require(type(watermark_ms) is int and 0 <= watermark_ms <= INFINITY_MS, "its watermark is not one")
    _require(type(waiting) is int and waiting >= 0, "its number of ticks is not one")
    arrays = _read_arrays(body[start:], _layout(len(symbols), parameters.window, waiting))
    history, (owner, timestamp, value) = arrays[len(_STATE) : -3], arrays[-3:]
    _require(not waiting or 0 <= owner.min() <= owner.max() < len(symbols), "ticks belong to no symbol")
    pending = Pending()
    pending.append(owner, timestamp, value)
    last_second, last_real, last_real_ms, first_pending, late = arrays[: len(_STATE)]
    states = SymbolStates(last_second, last_real, last_real_ms, first_pending, late, History(*history))
    return Snapshot(parameters, symbols, watermark_ms, states, pending)


def _read_arrays(raw: memoryview, layout: list[tuple[str, tuple[int, ...]]]) -> list[Array]:
    arrays, offset = [], 0
    for dtype, shape in layout:
        array = np.frombuffer(raw, dtype, math.prod(shape), offset)
        # A copy in the machine's own byte order, because what is restored will be written to.
        arrays.append(array.astype(array.dtype.newbyteorder("=")).reshape(shape))
        offset += array.nbytes
    _require(offset == len(raw), "it is longer than it says")
    return arrays
