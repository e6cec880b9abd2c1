"""Calibration that follows the market: every hour of event time, from the scores of the hours before.

Each symbol starts with the calibration in the version's card. When an hour ends, its scores are added and all older
ones lose 1/24 of their weight (e⁻¹ᐟ²⁴, to be exact): thresholds rest on about the last 24 hours in which there were
scores. What is said about a row depends on earlier rows alone; every calibration is handed out as a row of the table
``calibrations``, from which a later run over the same time can go on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fsictl.errors import InputError
from fsictl.model.calibration import Calibration, calibrate, shared
from fsictl.model.card import Card
from fsictl.model.columns import Flags, Floats, Integers
from fsictl.model.histogram import ScoreHistogram
from fsictl.records.arrow import table_of
from fsictl.records.schemas import CALIBRATIONS

if TYPE_CHECKING:
    import pyarrow as pa

HOUR_MS = 3_600_000

InUse = Callable[[str, str], bool]
"""Whether a version is in use for a symbol."""

MEMORY_HOURS = 24.0
"""After so many hours with scores a score weighs 1/e of a new one."""


@dataclass(slots=True)
class _Current:
    """What holds for one version and symbol: since when, by which calibration, and the scores of the hour so far."""

    since: int
    hour: int
    calibration: Calibration
    scores: ScoreHistogram = field(default_factory=ScoreHistogram)
    unreliable: int = 0
    alerts: int = 0

    def windows(self) -> int:
        return round(self.scores.total)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What calibrations say about scores, one value a score."""

    threshold: Floats
    p_value: Floats
    unreliable: npt.NDArray[np.bool_]
    alert: npt.NDArray[np.bool_]


class RollingCalibration:
    """The calibrations in force, by version and symbol."""

    def __init__(self) -> None:
        self._current: dict[tuple[str, str], _Current] = {}
        self._made: list[dict[str, Any]] = []

    def keep_only(self, in_use: InUse) -> None:
        """Forget what holds for versions that are not in use for their symbol."""
        self._current = {key: one for key, one in self._current.items() if in_use(*key)}

    def judge(
        self, card: Card, symbol: str, timestamp: Integers, scores: npt.NDArray[np.float32], *, counts: Flags
    ) -> Judgement:
        """Judge finite scores of one symbol, in time order, none before those of the call before.

        Those that ``counts`` says take part in later calibrations.
        """
        count = len(scores)
        made = Judgement(np.empty(count), np.empty(count), np.empty(count, np.bool_), np.empty(count, np.bool_))
        hours = timestamp // HOUR_MS
        starts = np.flatnonzero(np.diff(hours, prepend=hours[:1] - 1))
        for start, end in zip(starts, [*starts[1:], len(hours)], strict=True):
            current = self._at(card, symbol, int(timestamp[start]))
            part, calibration = scores[start:end], current.calibration
            p_value = calibration.p_values(part)
            unreliable, alert = part > calibration.label_threshold, p_value <= calibration.alert_rate
            made.threshold[start:end], made.p_value[start:end] = calibration.label_threshold, p_value
            made.unreliable[start:end], made.alert[start:end] = unreliable, alert
            counted = counts[start:end] & (timestamp[start:end] >= current.since)
            current.scores = current.scores.plus(part[counted])
            current.unreliable += int(unreliable[counted].sum())
            current.alerts += int(alert[counted].sum())
        return made

    def _at(self, card: Card, symbol: str, timestamp: int) -> _Current:
        """What holds at that time, after as many hours as have ended since the last look."""
        key, hour = (card.version, symbol), timestamp // HOUR_MS
        current = self._current.get(key)
        if current is None:
            first = card.by_symbol.get(symbol) or shared(card.calibration)
            self._current[key] = current = _Current(timestamp, hour, first)
            self._hand_out(key, current, None)
        elif hour > current.hour:
            histogram = current.calibration.histogram.faded(math.exp(-1.0 / MEMORY_HOURS)).joined(current.scores)
            rates = {"label_rate": card.calibration.label_rate, "alert_rate": card.calibration.alert_rate}
            ended = current
            self._current[key] = current = _Current(hour * HOUR_MS, hour, calibrate(histogram, **rates))
            self._hand_out(key, current, ended)
        return current

    def _hand_out(self, key: tuple[str, str], current: _Current, ended: _Current | None) -> None:
        label, alert = current.calibration.label_threshold, current.calibration.alert_threshold
        self._made.append(
            {
                "symbol": key[1],
                "timestamp": current.since,
                "model_version": key[0],
                "label_threshold": label if math.isfinite(label) else math.nan,
                "alert_threshold": alert if math.isfinite(alert) else math.nan,
                "label_rate": current.calibration.label_rate,
                "alert_rate": current.calibration.alert_rate,
                "windows": ended.windows() if ended else 0,
                "unreliable": ended.unreliable if ended else 0,
                "alerts": ended.alerts if ended else 0,
                "scores": json.dumps(current.calibration.histogram.as_json()),
            }
        )

    def taken(self) -> pa.Table:
        """The calibrations made since the last call, as rows of ``calibrations``."""
        rows, self._made = self._made, []
        return table_of(CALIBRATIONS, {name: [row[name] for row in rows] for name in CALIBRATIONS.names})

    def go_on_from(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Let these rows of ``calibrations``, one a version and symbol, hold from their times on."""
        for row in rows:
            key = (str(row["model_version"]), str(row["symbol"]))
            since = int(row["timestamp"])
            self._current[key] = _Current(since, since // HOUR_MS, _calibration(row))

    def state(self) -> str:
        """Everything that is needed to go on, as JSON text."""
        kept = [
            {
                "version": version,
                "symbol": symbol,
                "since": one.since,
                "hour": one.hour,
                "label_rate": one.calibration.label_rate,
                "alert_rate": one.calibration.alert_rate,
                "histogram": one.calibration.histogram.as_json(),
                "scores": one.scores.as_json(),
                "unreliable": one.unreliable,
                "alerts": one.alerts,
            }
            for (version, symbol), one in sorted(self._current.items())
        ]
        return json.dumps(kept, separators=(",", ":"))

    def restore(self, state: str) -> None:
        """Go on from :meth:`state`; ``ValueError``, ``KeyError`` or ``TypeError`` for text that is none."""
        found = {}
        for one in json.loads(state):
            calibration = calibrate(
                ScoreHistogram.of_json(one["histogram"]),
                label_rate=float(one["label_rate"]),
                alert_rate=float(one["alert_rate"]),
            )
            found[str(one["version"]), str(one["symbol"])] = _Current(
                int(one["since"]),
                int(one["hour"]),
                calibration,
                ScoreHistogram.of_json(one["scores"]),
                int(one["unreliable"]),
                int(one["alerts"]),
            )
        self._current = found


def _calibration(row: Mapping[str, Any]) -> Calibration:
    try:
        histogram = ScoreHistogram.of_json(json.loads(row["scores"]))
    except (ValueError, KeyError, TypeError) as error:
        message = f"a stored calibration of {row['symbol']} for model version {row['model_version']} is damaged"
        raise InputError(
            message, hint="Delete that row of the table calibrations, or score with another version."
        ) from error
    return calibrate(histogram, label_rate=float(row["label_rate"]), alert_rate=float(row["alert_rate"]))
