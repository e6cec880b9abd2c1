"""The operator's state as bytes and back.

Layout: ``FSIM``, the version (1 byte), the CRC-32 of everything after it (4 bytes, little-endian), the length of the
header (4 bytes), the header as JSON (parameters, symbols, watermark, number of pending ticks), and then the arrays
one after the other, raw and little-endian, in the order of ``_layout``. Symbols are sorted. Of the windows only the
bars are stored, from which everything else is made anew. No part of it is ever executed.
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
from fsictl.metrics.state import INFINITY_MS, NEVER, SCALARS, SymbolStates
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SYMBOL_PATTERN, IntArray

_MAGIC = b"FSIM"
_VERSION = 2
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
    owner, timestamp, value = snapshot.pending.columns()
    header = {
        "parameters": asdict(snapshot.parameters),
        "symbols": sorted(snapshot.symbols),
        "watermark_ms": snapshot.watermark_ms,
        "pending": len(owner),
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    order = np.array(sorted(range(len(snapshot.symbols)), key=snapshot.symbols.__getitem__), np.int64)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    states, history = snapshot.states, snapshot.states.windows.history
    present = history.end[:, order] == _newest_seconds(states.last_second[order], len(history.end)) + 1
    bars = [getattr(history, name)[:, order] * present for name in _BARS]
    arrays = [*(getattr(states, name)[order] for name in _STATE), present, *bars, rank[owner], timestamp, value]
    layout = _layout(len(snapshot.symbols), snapshot.parameters.window, len(owner))
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


_STATE = (*SCALARS, "last")
_BARS = ("last", "total", "count", "filled")


def _layout(symbols: int, window: int, pending: int) -> list[tuple[str, tuple[int, ...]]]:
    """Type and shape of every array, in order."""
    history = (window, symbols)
    return [
        *((dtype, (symbols,)) for dtype in ("<i8", "<i8", "<i8", "<i8", "<f8")),
        *((dtype, history) for dtype in ("|b1", "<f8", "<f8", "<i8", "|b1")),
        *((dtype, (pending,)) for dtype in ("<i8", "<i8", "<f8")),
    ]


def _newest_seconds(last_second: IntArray, window: int) -> IntArray:
    """The newest second of each slot of a history, up to the last second: [window, symbols]."""
    return last_second - (last_second - np.arange(window)[:, None]) % window


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
    scalars, bars, (owner, timestamp, value) = arrays[:5], arrays[5:10], arrays[10:]
    _require(not waiting or 0 <= owner.min() <= owner.max() < len(symbols), "ticks belong to no symbol")
    _require(not waiting or 0 <= timestamp.min() <= timestamp.max() <= MAX_TIMESTAMP_MS, "ticks are of no time")
    pending = Pending()
    pending.append(owner, timestamp, value)
    return Snapshot(parameters, symbols, watermark_ms, _states(parameters, scalars, bars), pending)


def _states(parameters: MetricsParameters, scalars: list[Array], bars: list[Array]) -> SymbolStates:
    last_second, last_real, last_real_ms, _, _ = scalars
    started = last_second != NEVER
    gap = last_second - last_real
    in_order = (gap >= 0) & (gap <= parameters.max_gap) & (last_real == last_real_ms // 1000)
    in_time = (last_real_ms >= 0) & (last_real_ms <= MAX_TIMESTAMP_MS)
    _require(bool((in_order & in_time | ~started).all()), "its times contradict each other")
    states = SymbolStates.empty(parameters, len(started))
    states.number = len(started)
    for name, values in zip(_STATE, scalars, strict=True):
        getattr(states, name)[:] = values
    states.last_real[~started] = 2 * NEVER
    history, present = states.windows.history, bars[0] & started
    history.end[:] = np.where(present, _newest_seconds(last_second, parameters.window) + 1, 0)
    for name, values in zip(_BARS, bars[1:], strict=True):
        getattr(history, name)[:] = values
    states.windows.rebuild(np.where(started, last_second, 0))
    return states


def _read_arrays(raw: memoryview, layout: list[tuple[str, tuple[int, ...]]]) -> list[Array]:
    arrays, offset = [], 0
    for dtype, shape in layout:
        array = np.frombuffer(raw, dtype, math.prod(shape), offset)
        # A copy in the machine's own byte order, because what is restored will be written to.
        arrays.append(array.astype(array.dtype.newbyteorder("=")).reshape(shape))
        offset += array.nbytes
    _require(offset == len(raw), "it is longer than it says")
    return arrays
