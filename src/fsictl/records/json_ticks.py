"""Ticks as JSON: one object a message, as any publisher can write it, or a list of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fsictl.records.message import Received, Reject
from fsictl.records.moments import milliseconds_of
from fsictl.records.ticks import Ticks
from fsictl.records.validation import check_tick


def integer_of(text: str | None) -> int | None:
    """The whole number that a text attribute says, if it does."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


class JsonTicks:
    """A run of JSON messages, gathered so that a thousand of them make one block of columns."""

    def __init__(self) -> None:
        self._symbols: list[str] = []
        self._timestamps: list[int] = []
        self._values: list[float] = []
        self._sequence: list[int] = []

    def add(self, item: Received, rejects: list[Reject]) -> None:
        """Take the ticks of one message; what is none is added to ``rejects``."""
        try:
            body = json.loads(item.message.data)
        except (ValueError, RecursionError) as error:
            detail = f"not JSON: {error}"
            rejects.append(
                Reject("malformed", detail, item.message.data, item.origin, found_with=item.message.attributes)
            )
            return
        bodies = body if isinstance(body, list) else [body]
        for index, one in enumerate(bodies):
            problem = self._add_one(one, item.message.attributes)
            if problem is not None:
                data = item.message.data if len(bodies) == 1 else json.dumps(one).encode()
                where = item.origin if len(bodies) == 1 else f"{item.origin}[{index}]"
                rejects.append(Reject(*problem, data, where, found_with=item.message.attributes))

    def _add_one(self, body: Any, attributes: Mapping[str, str]) -> tuple[str, str] | None:
        if not isinstance(body, dict):
            return "malformed", "not a JSON object with symbol and value"
        symbol: Any = body.get("symbol", attributes.get("symbol"))
        timestamp: Any = milliseconds_of(body.get("timestamp", integer_of(attributes.get("timestamp"))))
        value: Any = body.get("value")
        sequence: Any = body.get("sequence", 0)
        problem = check_tick(symbol, timestamp, value)
        if problem is not None:
            return problem
        if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 <= sequence < 2**31:
            return "malformed", f"the sequence {sequence!r} is not a small whole number"
        self._symbols.append(symbol)
        self._timestamps.append(timestamp)
        self._values.append(float(value))
        self._sequence.append(sequence)
        return None

    def take(self) -> list[Ticks]:
        """What was gathered since the last time, in order of arrival."""
        if not self._symbols:
            return []
        ticks = Ticks.of(self._symbols, self._timestamps, self._values, self._sequence)
        self._symbols, self._timestamps, self._values, self._sequence = [], [], [], []
        return [ticks]
