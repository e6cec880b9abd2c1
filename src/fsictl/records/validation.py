"""What is a tick and what is not: the rules of the spec, for one tick and for columns of them."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt

from fsictl.records.message import Reject
from fsictl.records.schemas import PRICES_TOPIC
from fsictl.records.ticks import MAX_TIMESTAMP_MS, SYMBOL_PATTERN, Ticks


def validate_ticks(ticks: Ticks, origin: str) -> tuple[Ticks, list[Reject]]:
    """The ticks that follow the rules of the spec, and a reject for every other one.

    >>> good, bad = validate_ticks(Ticks.of(["A", "A"], [1, 2], [1.5, float("nan")]), "prices/1")
    >>> good.value.tolist(), [reject.reason for reject in bad]
    ([1.5], ['bad-value'])
    """
    known = np.array([SYMBOL_PATTERN.fullmatch(s or "") is not None for s in ticks.symbols], bool)
    symbol_ok: npt.NDArray[np.bool_] = known[ticks.code] if len(ticks) else np.zeros(0, bool)
    value_ok = np.isfinite(ticks.value) & (ticks.value > 0)
    time_ok = (ticks.timestamp >= 0) & (ticks.timestamp <= MAX_TIMESTAMP_MS)
    good = symbol_ok & value_ok & time_ok
    if good.all():
        return ticks, []
    rejects = []
    for index in np.flatnonzero(~good).tolist():
        symbol, value = ticks.symbol_of(index), float(ticks.value[index])
        timestamp = int(ticks.timestamp[index])
        data = json.dumps({"symbol": symbol, "timestamp": timestamp, "value": repr(value)}).encode()
        reject = check_tick(symbol, timestamp, value) or ("malformed", "not a tick")
        rejects.append(Reject(reject[0], reject[1], data, f"{origin}[{index}]"))
    return ticks.take(good), rejects


def reject_of_tick(ticks: Ticks, index: int, reason: str, detail: str) -> Reject:
    """A tick that is one, but of no use here; the bytes of the reject make the same tick again."""
    symbol, timestamp, sequence = ticks.symbol_of(index), int(ticks.timestamp[index]), int(ticks.sequence[index])
    tick = {"symbol": symbol, "timestamp": timestamp, "value": float(ticks.value[index]), "sequence": sequence}
    return Reject(reason, detail, json.dumps(tick).encode(), f"{PRICES_TOPIC}/{symbol}/{timestamp}/{sequence}")


def check_tick(symbol: object, timestamp: object, value: object) -> tuple[str, str] | None:
    """Why these three do not make a tick, as (reason, detail); ``None`` when they do.

    >>> check_tick("EURUSD", 1_577_836_800_000, 1.12) is None
    True
    >>> check_tick("EURUSD", 1_577_836_800_000, -1.0)
    ('bad-value', 'the value -1.0 is not a finite number above zero')
    """
    if not isinstance(symbol, str) or SYMBOL_PATTERN.fullmatch(symbol) is None:
        return "bad-symbol", f"the symbol {symbol!r} is not 1 to 32 characters of A-Z a-z 0-9 . _ - /"
    if isinstance(timestamp, bool) or not isinstance(timestamp, int) or not 0 <= timestamp <= MAX_TIMESTAMP_MS:
        return "bad-timestamp", f"the timestamp {timestamp!r} is not a time in milliseconds since 1970"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "bad-value", f"the value {value!r} is not a number"
    try:
        as_float = float(value)
    except OverflowError:
        return "bad-value", "the value is too large for a number"
    if not math.isfinite(as_float) or as_float <= 0:
        return "bad-value", f"the value {value!r} is not a finite number above zero"
    return None
