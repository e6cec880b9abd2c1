"""Which prices a demo publishes: new ones, or those that go on from what an earlier demo left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fsictl.cli import times
from fsictl.cli.generate import published_before, replayed, source_name
from fsictl.cli.session import Session
from fsictl.errors import PreconditionError, UsageError
from fsictl.records.schemas import PRICES_TOPIC

if TYPE_CHECKING:
    from fsictl.prices.publish import Block

START_FILE = "demo.json"
"""In the state folder: when the demo's simulated prices began, so that the next demo can go on with the same ones."""

LONGEST_RESUMED_MS = 24 * 3_600_000
"""Simulated prices that began longer ago are not gone on with: all of them would be simulated again."""

_LAST_MESSAGES = 50


@dataclass(frozen=True, slots=True)
class Prices:
    """What a demo was asked to show: files of real prices, or (none) that much simulated history, seconds."""

    files: Sequence[Path]
    layout: str
    symbol: str | None
    timezone: str | None
    speed: str
    history: float

    def check(self) -> None:
        """Raise before anything starts for files that cannot be read, and for options that do not fit."""
        if not self.files and times.speed(self.speed) != 1.0:
            message = "--speed is for a replay, the simulated market runs in real time"
            raise UsageError(message, hint="Give --replay FILE, or leave --speed away.")
        for file in self.files:
            next(self._read([file]))

    def _read(self, files: Sequence[Path]) -> Iterator[Block]:
        return replayed(list(files), layout=self.layout, symbol=self.symbol, timezone=self.timezone)

    def command(self, session: Session) -> list[str]:
        """The command line that publishes them; ``PreconditionError`` for prices older than those stored."""
        newest = _newest(session)
        return self._replay(session, newest) if self.files else self._simulation(session, newest)

    def _replay(self, session: Session, newest: int | None) -> list[str]:
        name = source_name(session, list(self.files), self.layout, self.symbol, self.timezone)
        if newest is not None and not published_before(session, name):
            first, _ = next(self._read(self.files))
            if len(first) and int(first.timestamp[0]) <= newest:
                raise _too_late(session)
        arguments = [part for file in self.files for part in ("--replay", str(file.absolute()))]
        for flag, value in (("--symbol", self.symbol), ("--timezone", self.timezone)):
            arguments += [flag, value] if value is not None else []
        return session.command(
            "generate", *arguments, "--format", self.layout, "--speed", self.speed, "--resume", "--json"
        )

    def _simulation(self, session: Session, newest: int | None) -> list[str]:
        now = session.clock.now_ms()
        if newest is not None and newest > now + 1000:
            raise _too_late(session)
        start = None if newest is None else self._earlier_start(session, now)
        resumed = start is not None
        if start is None:
            begin = now - round(self.history * 1000)
            if newest is not None:  # after a hole, so that no price seems to jump
                begin = max(begin, newest + (session.settings.metrics.max_gap + 1) * 1000)
            start = datetime.fromtimestamp(begin // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            file = session.root / START_FILE
            file.touch(mode=0o600)
            file.write_text(json.dumps({"start": start}), encoding="utf-8")
        return session.command("generate", "--start", start, *(["--resume"] if resumed else []), "--json")

    def _earlier_start(self, session: Session, now: int) -> str | None:
        """When the last demo's simulated prices began, if the very same ones can be gone on with."""
        try:
            start = str(json.loads((session.root / START_FILE).read_text(encoding="utf-8"))["start"])
            recent = now - times.moment(start, now) <= LONGEST_RESUMED_MS
        except (OSError, ValueError, KeyError, TypeError, UsageError):
            return None
        known = published_before(session, source_name(session, [], "auto", None, None, start=start))
        return start if recent and known else None


def _newest(session: Session) -> int | None:
    """The newest event time that is stored or published here, ms."""
    from fsictl.records.encoding import decode_ticks

    if not session.root.is_dir():
        return None
    end = session.messenger.end(PRICES_TOPIC)
    last = session.messenger.read(PRICES_TOPIC, str(max(0, end - _LAST_MESSAGES)), _LAST_MESSAGES)
    ticks = decode_ticks(last).ticks
    known = [one.last for one in session.warehouse.extents("prices")]
    return max([*known, *([int(ticks.timestamp.max())] if len(ticks) else [])], default=None)


def _too_late(session: Session) -> PreconditionError:
    message = f"{session.root} already holds newer prices, and the demo's would come late behind them"
    return PreconditionError(message, hint="Start from nothing with --fresh, or use another --workspace.")
