"""A training run: stored rows in, a model version (or the reason why there is none) out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from fsictl.clock import Clock
from fsictl.errors import FsictlError, NotEnoughDataError
from fsictl.model.adoption import adopt_version
from fsictl.model.card import Card, Snapshot
from fsictl.model.dataset import HOUR_MS, newest_until, read_rows
from fsictl.model.making import TrainingOptions, make_version
from fsictl.model.split import split_windows
from fsictl.model.training import Progress, no_progress
from fsictl.model.windows import WindowRules
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.arrow import table_of
from fsictl.records.schemas import TRAINING_RUNS


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What a run did. ``alias`` names the version now: ``champion``, ``challenger``, or ``None`` if neither does."""

    run_id: str
    version: str
    alias: str | None
    card: Card
    windows: int
    seconds: float


def train_version(
    warehouse: Warehouse,
    artifacts: Artifacts,
    *,
    clock: Clock,
    hours: float = 24.0,
    symbol: str | None = None,
    until: int | None = None,
    rules: WindowRules | None = None,
    options: TrainingOptions | None = None,
    run_id: str | None = None,
    requested_by: str = "",
    progress: Progress = no_progress,
) -> TrainingReport:
    """Train on the ``hours`` before ``until`` (ms; default: up to the newest stored row) of one symbol, or of all.

    Stores the version and lets ``champion`` name it if there is none or if it passes the gate, else
    ``challenger``; a version that is there already is left as it is. Every run leaves a row in ``training_runs``:
    ``trained``; ``skipped`` with the reason when ``NotEnoughDataError`` is raised; ``failed`` for any other error.
    """
    rules, options = rules or WindowRules(), options or TrainingOptions()
    began, began_ms = clock.monotonic(), clock.now_ms()
    run_id = run_id or f"train-{symbol or 'all'}-{_utc(began_ms):%Y%m%dT%H%M%S}.{began_ms % 1000:03d}"
    record: dict[str, Any] = {
        "run_id": run_id,
        "outcome": "failed",
        "reason": None,
        "model_version": None,
        "symbol": symbol or "*",
        "until": began_ms if until is None else until,
        "rows": 0,
        "windows": 0,
        "seed": options.seed,
    }
    try:
        record["until"] = until = newest_until(warehouse, symbol) if until is None else until
        columns, snapshot = read_rows(warehouse, symbol=symbol, hours=hours, until=until)
        split = split_windows(columns, rules)
        record |= {"rows": snapshot.rows, "windows": split.windows}
        _require(split.windows, options.least_windows, symbol, snapshot)
        made = make_version(split, snapshot, rules=rules, options=options, progress=progress)
        made = replace(made, card=replace(made.card, created_at=clock.now_ms(), requested_by=requested_by))
        card, alias = adopt_version(artifacts, made, split)
        record |= {"outcome": "trained", "model_version": card.version}
    except FsictlError as error:
        outcome = "skipped" if isinstance(error, NotEnoughDataError) else "failed"
        record |= {"outcome": outcome, "reason": f"{error}. {error.hint}"}
        raise
    except BaseException as error:
        record["reason"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        record["since"] = record["until"] - round(hours * HOUR_MS)
        record |= {"at": clock.now_ms(), "seconds": clock.monotonic() - began}
        warehouse.write(TRAINING_RUNS.name, table_of(TRAINING_RUNS, {name: [value] for name, value in record.items()}))
    return TrainingReport(run_id, card.version, alias, card, record["windows"], record["seconds"])


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
        "Train on more hours, make extremes more frequent with a shorter metrics.rsi_window,"
        " or bring model.overbought and model.oversold closer to 50."
    )
    raise NotEnoughDataError(message, hint=hint)
