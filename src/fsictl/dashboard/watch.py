"""Looking at the warehouse again and again: what is new, and how everything is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fsictl.alerts.beginnings import episodes_since
from fsictl.clock import Clock
from fsictl.dashboard import queries
from fsictl.dashboard.achieved import ACHIEVED_COLUMNS, Achieved
from fsictl.dashboard.board import Board
from fsictl.dashboard.episodes import ALERT_COLUMNS, AlertLog, as_json, seconds_of, timestamp_of
from fsictl.dashboard.pace import FREE, Pace
from fsictl.dashboard.shelf import Shelf
from fsictl.dashboard.state import Limits, symbol_state
from fsictl.dashboard.tail import Tail
from fsictl.dashboard.work import TICKS_COLUMN, Work
from fsictl.model.aliases import CHAMPION, BySymbol, named
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.messenger import Messenger
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS, RECONERR

if TYPE_CHECKING:
    import pyarrow as pa

    from fsictl.alerts.episodes import Alert

ALERTS_LOOK_BACK = 3600
MOST_TOLD = 50
QUIET_AFTER = 10.0
BEHIND_AFTER = 15.0
REPLAY_AFTER = 3600.0
WORK_EVERY = 2.0


class Watch:
    """What one look after the other finds in the warehouse; blocking, and for one thread at a time."""

    def __init__(
        self,
        warehouse: Warehouse,
        messenger: Messenger | None,
        artifacts: Artifacts,
        clock: Clock,
        pace: Pace = FREE,
    ) -> None:
        self._warehouse = warehouse
        self._artifacts = artifacts
        self._clock = clock
        self._pace = pace
        tail = partial(Tail, warehouse, clock=clock, extents_every=pace.extents_every)
        self._metrics = tail(METRICS.name, [*queries.METRICS_NAMES, TICKS_COLUMN])
        verdict_columns = dict.fromkeys([*queries.VERDICT_NAMES, *ALERT_COLUMNS, *ACHIEVED_COLUMNS])
        self._verdicts = tail(RECONERR.name, list(verdict_columns))
        self._work = Work(messenger, clock)
        self._worked: dict[str, Any] = {}
        self._worked_at = float("-inf")
        self._begun = False
        self._missed = False
        self._newest: int | None = None
        self._arrived: float | None = None
        self._lag: float | None = None
        self.board = Board()
        self.shelf = Shelf(clock)
        self.alerts = AlertLog()
        self.achieved = Achieved()
        self.champions: BySymbol[str] = BySymbol()

    @property
    def champion(self) -> str | None:
        """The version that scores symbols without one of their own."""
        return self.champions.shared

    def begin(self) -> None:
        """Have looked once with success."""
        if not self._begun:
            self.look()

    def look(self) -> dict[str, Any]:
        """What is new: ``metrics`` and ``verdicts`` as columns, ``alerts``, and ``reload`` when it was too much."""
        missed, self._missed = self._missed, True  # after a look that fails, the next begins anew
        self.champions = named(self._artifacts, CHAMPION)
        if self._clock.monotonic() - self._worked_at >= WORK_EVERY:
            self._worked_at = self._clock.monotonic()
            self._worked = self._work.look()
        verdicts = self._verdicts.poll()  # before the metrics, so that no page gets a verdict long before its row
        metrics = self._metrics.poll()
        newest = max(self._metrics.places.values(), default=None)
        self._newest = None if newest is None else seconds_of(newest)
        missed = missed or not (metrics.complete and verdicts.complete)
        anew = missed or not self._begun
        changed = self._begin_anew() if anew else self._go_on(metrics.rows, verdicts.rows)
        self._begun, self._missed = True, False
        for fresh in (metrics, verdicts):
            self.shelf.arrived(fresh.since())
        self._work.arrived(metrics.rows)
        if metrics.rows.num_rows and self._newest is not None:
            self._arrived = self._clock.monotonic()
            self._lag = self._clock.now_ms() / 1000 - self._newest
        shown = queries.one_verdict_each(verdicts.rows, self.champions)
        return {
            "metrics": queries.columns_of(metrics.rows, queries.METRICS_NAMES),
            "verdicts": queries.columns_of(shown, queries.VERDICT_NAMES),
            "alerts": [as_json(alert) for alert in changed],
            "reload": missed,
        }

    def _go_on(self, metrics: pa.Table, verdicts: pa.Table) -> list[Alert]:
        """Take what is new; returns the alerts that changed."""
        self.board.add_rows(metrics)
        self.board.add_verdicts(verdicts, self.champions)
        self.achieved.add(verdicts)
        return self.alerts.add(verdicts)

    def _begin_anew(self) -> list[Alert]:
        """Read what there is, at the beginning and when something was missed."""
        self.shelf.clear()
        self.board.fill(self._warehouse, self._metrics.places, self.champions)
        self.achieved, self.alerts = Achieved(), AlertLog()
        if self._newest is None:
            return []
        since = self._newest - ALERTS_LOOK_BACK
        wanted = tuple(dict.fromkeys((*ALERT_COLUMNS, *ACHIEVED_COLUMNS)))
        judged = queries.recent_verdicts(self._warehouse, sorted(self._metrics.places), since, wanted)
        self.achieved.add(judged)
        self.alerts = AlertLog(episodes_since(self._warehouse, judged, timestamp_of(since)))
        return self.alerts.recent(MOST_TOLD)

    def rows(self, limits: Limits) -> list[dict[str, Any]]:
        """Every symbol's newest row, verdict and trend, and its ``state``."""
        newest = self._newest or 0
        return [row | {"state": symbol_state(row, newest, limits)} for row in self.board.rows()]

    def status(self) -> dict[str, Any]:
        """How the feed is: its state, newest bar and lag (s), model version, alerts of the last hour of data.

        With the shares that the model flagged in that hour, and what :class:`Work` tells.
        """
        newest = self._newest
        return {
            "feed": self._state(),
            "newest": newest,
            "lag": None if self._lag is None else round(self._lag, 2),
            "model_version": self.champion,
            "alerts": 0 if newest is None else self.alerts.since(newest - ALERTS_LOOK_BACK),
            "achieved": self.achieved.of(*self.champions.all()),
            "time": self._clock.now_ms() / 1000,
            **self._worked,
        }

    def _state(self) -> str:
        if self._newest is None:
            return "waiting"
        age = self._clock.now_ms() / 1000 - self._newest
        quiet_after, behind_after = QUIET_AFTER + self._pace.every, BEHIND_AFTER + self._pace.every
        arriving = self._arrived is not None and self._clock.monotonic() - self._arrived < quiet_after
        if abs(age) < behind_after:
            return "live"
        if not arriving:
            return "silent"
        return "behind" if 0 < age < REPLAY_AFTER else "replay"
