"""The pipeline from ticks to metrics rows: the operator of ``fsictl.metrics`` around a watermark."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from fsictl.clock import Clock
from fsictl.errors import InputError
from fsictl.metrics.future import without_future
from fsictl.metrics.operator import MetricsOperator
from fsictl.metrics.parameters import MetricsParameters
from fsictl.metrics.rows import table_of_block
from fsictl.metrics.watermark import Watermark
from fsictl.records.encoding import DecodedTicks, decode_ticks, encode_all_rows
from fsictl.records.message import Message, Received
from fsictl.records.schemas import DEAD_LETTER_TOPIC, METRICS, METRICS_TOPIC, PRICES_TOPIC
from fsictl.records.ticks import Ticks
from fsictl.records.validation import reject_of_tick
from fsictl.streams.pipeline import Result, dead_letters

NAME = "metrics"

LIVE_WITHIN_MS = 60_000
"""A topic is live while its newest event time is at most this far from the wall clock when it arrives."""

_STATE = struct.Struct("<4sqq")
_MAGIC = b"FSP1"


class MetricsPipeline:
    """Ticks in, metrics rows out, late ticks and rejects to the dead letters.

    The watermark is the largest event time seen minus ``allowed_lateness`` (seconds). When the topic is live
    and quiet for ``idle_timeout`` seconds, it follows the wall clock instead; old prices that are replayed are never
    live, their source says when it ends.

    A tick more than ``max_ahead`` seconds ahead of the time at which it was published is a reject on a topic whose
    ticks are not: it would move the watermark, and make every later tick late. Times in the future are taken while
    the topic has no others, so prices of any date can be replayed.
    """

    name = NAME
    inputs = (PRICES_TOPIC,)

    def __init__(
        self,
        parameters: MetricsParameters,
        clock: Clock,
        *,
        allowed_lateness: float,
        idle_timeout: float,
        max_ahead: float | None = None,
    ) -> None:
        self._parameters, self._clock = parameters, clock
        self._lateness_ms = round(allowed_lateness * 1000)
        self._idle_timeout = idle_timeout
        self._max_ahead_ms = None if max_ahead is None else round(max_ahead * 1000)
        self._operator = MetricsOperator(parameters)
        self._watermark = Watermark(self._lateness_ms)
        self._live = False
        self._heard, self._heard_ms = clock.monotonic(), clock.now_ms()
        self._counters = {"ticks": 0, "rows": 0, "late": 0, "rejected": 0, "event_time": 0}

    def restore(self, state: bytes | None, counters: Mapping[str, int]) -> None:
        self._counters |= {key: counters.get(key, 0) for key in self._counters}
        if state is None:
            return
        if len(state) < _STATE.size or state[:4] != _MAGIC:
            message = "the stored state of the metrics pipeline is not of this version"
            raise InputError(message, hint="Recompute with `fsictl metrics backfill` in a new workspace.")
        _, watermark, newest = _STATE.unpack_from(state)
        self._watermark = Watermark(self._lateness_ms, watermark)
        self._operator = MetricsOperator.restore(state[_STATE.size :], self._parameters)
        self._live = self._is_live(newest)

    def step(self, received: Sequence[Received]) -> Result:
        result = Result()
        if received:
            self._heard, self._heard_ms = self._clock.monotonic(), self._clock.now_ms()
            self._take(list(received), result)
        elif self._live and (silence := self._clock.monotonic() - self._heard) >= self._idle_timeout:
            # Not what the wall clock says now: it may have been set anew since.
            self._watermark.advance_idle(self._heard_ms + round(silence * 1000))
        due = self._operator.next_timer()
        if due is not None and due <= self._watermark.value:
            block = self._operator.on_watermark(self._watermark.value)
            self._counters["rows"] += len(block)
            result.outgoing += [(METRICS_TOPIC, message) for message in encode_all_rows(METRICS, table_of_block(block))]
            result.urgent = True
        return result

    def _take(self, received: list[Received], result: Result) -> None:
        decoded = self._decode(received)
        ticks = decoded.ticks
        self._counters["ticks"] += len(ticks)
        self._counters["rejected"] += len(decoded.rejects)
        result.outgoing += dead_letters(decoded.rejects, self._clock.now_ms())
        if len(ticks):
            late = self._operator.process(ticks)
            self._counters["late"] += len(late)
            result.outgoing += late_letters(late)
            newest = int(ticks.timestamp.max())
            self._watermark.advance(newest)
            self._counters["event_time"] = max(self._counters["event_time"], newest)
            self._live = self._is_live(self._counters["event_time"])
        if decoded.ended_ms is not None:
            ended_ms = min(decoded.ended_ms, self._counters["event_time"])  # what it closes was seen, whatever it says
            after_filling = (ended_ms // 1000 + self._parameters.max_gap + 1) * 1000
            self._watermark.advance(after_filling + self._lateness_ms)
            self._live = False
        result.urgent |= bool(result.outgoing)

    def _decode(self, received: list[Received]) -> DecodedTicks:
        decoded = decode_ticks(received)
        if self._max_ahead_ms is None or not len(decoded.ticks):
            return decoded
        if int(decoded.ticks.timestamp.max()) <= min(item.published_ms for item in received) + self._max_ahead_ms:
            return decoded
        return self._without_future(received, self._max_ahead_ms)

    def _without_future(self, received: list[Received], max_ahead_ms: int) -> DecodedTicks:
        """The same, judged message by message, so that it does not matter which of them came together."""
        newest, parts, rejects, ended_ms = self._counters["event_time"], [], [], None
        for item in received:
            one = decode_ticks([item])
            good, ahead = without_future(one.ticks, latest_ms=item.published_ms + max_ahead_ms, newest_ms=newest)
            parts.append(good)
            rejects += ahead
            newest = max(newest, int(parts[-1].timestamp.max(initial=0)))
            rejects += one.rejects
            ended_ms = one.ended_ms if ended_ms is None else max(ended_ms, one.ended_ms or 0)
        return DecodedTicks(Ticks.concat(parts), tuple(rejects), ended_ms)

    def _is_live(self, newest_ms: int) -> bool:
        return abs(self._clock.now_ms() - newest_ms) <= LIVE_WITHIN_MS

    def snapshot(self) -> bytes | None:
        header = _STATE.pack(_MAGIC, self._watermark.value, self._counters["event_time"])
        return header + self._operator.snapshot()

    def counters(self) -> Mapping[str, int]:
        return self._counters


def late_letters(late: Ticks) -> list[tuple[str, Message]]:
    """Late ticks as messages for the topic ``dead-letter``."""
    letters = []
    for index in range(len(late)):
        reject = reject_of_tick(late, index, "late", "its second was already closed")
        message = reject.to_message(timestamp_ms=int(late.timestamp[index]), symbol=late.symbol_of(index))
        letters.append((DEAD_LETTER_TOPIC, message))
    return letters
