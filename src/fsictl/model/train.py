"""A training run: stored rows in, a model version (or the reason why there is none) out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fsictl.clock import Clock
from fsictl.errors import FsictlError, NotEnoughDataError
from fsictl.model.adoption import Adopted, LabelledPrices, adopt_version
from fsictl.model.aliases import CHAMPION, symbol_of
from fsictl.model.card import Card, Snapshot
from fsictl.model.columns import Columns
from fsictl.model.data import validate
from fsictl.model.dataset import HOUR_MS, newest_until, read_rows
from fsictl.model.making import MadeVersion, TrainingOptions, check_detector, make_version
from fsictl.model.presets import preset_of
from fsictl.model.promotion import promotion
from fsictl.model.scorecard import ScorecardRow, scorecard_table
from fsictl.model.split import WindowSplit, split_windows
from fsictl.model.training import Progress, no_progress
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.arrow import table_of
from fsictl.records.schemas import PROMOTIONS, SCORECARDS, TRAINING_RUNS

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a run did. ``alias`` names the version now: ``champion``, ``champion.EURUSD``, ``challenger`` …, if any."""

    run_id: str
    version: str
    alias: str | None
    card: Card
    windows: int
    seconds: float
    scorecard: list[ScorecardRow]


@dataclass(slots=True)
class _Run:
    """The row of ``training_runs`` that a run leaves, filled in as it goes."""

    run_id: str
    symbol: str
    seed: int
    until: int
    hours: float
    rows: int = 0
    windows: int = 0
    outcome: str = "failed"
    reason: str | None = None
    model_version: str | None = None

    def fail(self, error: BaseException) -> None:
        """Note why there is no version."""
        if isinstance(error, FsictlError):
            self.outcome = "skipped" if isinstance(error, NotEnoughDataError) else "failed"
            self.reason = f"{error}. {error.hint}"
        elif isinstance(error, KeyboardInterrupt):
            self.reason = "interrupted"
        else:
            self.reason = f"{type(error).__name__}: {error}"

    def row(self, *, at: int, seconds: float) -> pa.Table:
        """The row when it has ended."""
        values = {name: getattr(self, name, None) for name in TRAINING_RUNS.names}
        values |= {"since": self.until - round(self.hours * HOUR_MS), "at": at, "seconds": seconds}
        return table_of(TRAINING_RUNS, {name: [value] for name, value in values.items()})


def train_version(
    warehouse: Warehouse,
    artifacts: Artifacts,
    *,
    clock: Clock,
    hours: float = 24.0,
    symbol: str | None = None,
    until: int | None = None,
    rules: WindowRules | None = None,
    streams: WindowRules | None = None,
    options: TrainingOptions | None = None,
    run_id: str | None = None,
    requested_by: str = "",
    labelled: LabelledPrices | None = None,
    progress: Progress = no_progress,
) -> TrainingReport:
    """Train on the ``hours`` before ``until`` (ms; default: up to the newest stored row) of one symbol, or of all.

    Stores the version and lets ``champion`` name it if it passes the gate, else ``challenger``; of one symbol, its own
    alias, if there is a shared champion. A version that is there already is left as it is. ``labelled`` gives prices
    for the gate's scorecard, ``streams`` the windows that running streams cut, if others than ``rules``. Every run
    leaves a row in ``training_runs``: ``trained``, with the gate's reason if it refused; ``skipped`` with the reason
    when ``NotEnoughDataError`` is raised; ``failed`` for any other error.
    """
    rules, options = rules or WindowRules(), options or TrainingOptions()
    check_detector(options.detector, options.preset)
    began, began_ms = clock.monotonic(), clock.now_ms()
    run_id = run_id or _run_id(symbol, began_ms)
    run = _Run(run_id, symbol or "*", options.seed, began_ms if until is None else until, hours)
    warehouse.write(TRAINING_RUNS.name, run.row(at=began_ms, seconds=0.0).slice(0, 0))  # it must be writable at the end
    try:
        run.until = newest_until(warehouse, symbol) if until is None else until
        made, columns, split = _make(warehouse, run, symbol, rules, options, progress)
        made = replace(made, card=replace(made.card, created_at=clock.now_ms(), requested_by=requested_by))
        adopted = adopt_version(
            artifacts, made, columns, split, rules=rules, streams=streams, symbol=symbol, labelled=labelled
        )
        _record(warehouse, adopted, clock.now_ms())
        run.outcome, run.model_version = "trained", adopted.card.version
        run.reason = None if adopted.card.gate.get("passed") else f"refused: {adopted.card.gate.get('reason')}"
    except BaseException as error:
        run.fail(error)
        raise
    finally:
        seconds = clock.monotonic() - began
        warehouse.write(TRAINING_RUNS.name, run.row(at=clock.now_ms(), seconds=seconds))
    card = adopted.card
    return TrainingReport(run_id, card.version, adopted.alias, card, run.windows, seconds, adopted.scorecard)


def _make(
    warehouse: Warehouse,
    run: _Run,
    symbol: str | None,
    rules: WindowRules,
    options: TrainingOptions,
    progress: Progress,
) -> tuple[MadeVersion, Columns, WindowSplit]:
    """Read, validate, and make the version."""
    columns, snapshot = read_rows(warehouse, symbol=symbol, hours=run.hours, until=run.until)
    run.rows = snapshot.rows
    validate(columns)
    names = preset_of(options.preset).features
    split = split_windows(columns, rules, names)
    run.windows = split.windows
    _require(split.windows, options.least_windows, symbol, snapshot)
    made = make_version(columns, split, snapshot, rules=rules, options=options, progress=progress)
    return made, columns, split


def _record(warehouse: Warehouse, adopted: Adopted, at: int) -> None:
    """Leave the scorecard and the change of champion in their tables."""
    version = adopted.card.version
    if adopted.scorecard:
        table = scorecard_table(adopted.scorecard, version=version, prices="held-out part of its training", at=at)
        warehouse.write(SCORECARDS.name, table)
    if adopted.moved:
        own = symbol_of(adopted.alias or "", CHAMPION)
        row = promotion(version, adopted.previous, action="train", at=at, symbol=own)
        warehouse.write(PROMOTIONS.name, row)


def _run_id(symbol: str | None, ms: int) -> str:
    return f"train-{symbol or 'all'}-{_utc(ms):%Y%m%dT%H%M%S}.{ms % 1000:03d}"


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _require(windows: int, least: int, symbol: str | None, snapshot: Snapshot) -> None:
    if windows >= least:
        return
    since, until = (f"{_utc(ms):%Y-%m-%d %H:%M} UTC" for ms in (snapshot.since, snapshot.until))
    message = (
        f"{windows} windows of {symbol or 'all symbols'} end at an extreme RSI between {since} and {until}"
        f" ({snapshot.rows} rows); {least} are needed to train"
    )
    hint = (
        "There are no rows in that range: look at `fsictl status`."
        if not snapshot.rows
        else "Train on more hours, make extremes more frequent with a shorter metrics.rsi_window,"
        " or bring model.overbought and model.oversold closer to 50."
    )
    raise NotEnoughDataError(message, hint=hint)
