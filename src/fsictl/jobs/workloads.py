"""What each workload does for one request: one job to its end, without a word about schedules.

Each is a function of the request and of what the program gives it, and returns what it made, in a sentence and as a
result that is kept with the job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fsictl.clock import Clock
from fsictl.errors import NotEnoughDataError
from fsictl.jobs.catalogue import moment_ms
from fsictl.jobs.request import JobRequest
from fsictl.ports.artifacts import Artifacts
from fsictl.ports.warehouse import Warehouse
from fsictl.records.schemas import METRICS, RECONERR
from fsictl.sql.run_dates import bounds_ms
from fsictl.sql.selection import sql_selection

if TYPE_CHECKING:
    from fsictl.model.adoption import LabelledPrices
    from fsictl.model.making import TrainingOptions
    from fsictl.model.windows import WindowRules
    from fsictl.sql.project import SqlProject

Say = Callable[[str], None]
"""Takes a line for the job's log."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a workload made: a sentence, and the same for programs."""

    detail: str
    result: Mapping[str, Any]


def training_end(request: JobRequest) -> int:
    """The event time (ms) before which a training uses rows: ``until``, else the end of the run date.

    >>> from fsictl.jobs.request import request_of
    >>> training_end(request_of("train", "1970-01-01"))
    86400000
    """
    until = request.params.get("until")
    return bounds_ms(request.run_date)[1] if until is None else moment_ms(until)


def train(
    request: JobRequest,
    say: Say,
    *,
    warehouse: Warehouse,
    artifacts: Artifacts,
    clock: Clock,
    hours: float,
    rules: WindowRules,
    options: TrainingOptions,
    labelled: Callable[[str | None], LabelledPrices],
) -> Made:
    """Make a model version; its run in ``training_runs`` has the job's id. The gate decides what it is used for."""
    from fsictl.model.train import train_version

    symbol = request.params.get("symbol")
    tenths = -1

    def progress(step: int, total: int, loss: float) -> None:
        nonlocal tenths
        if 10 * step // max(total, 1) > tenths:
            tenths = 10 * step // max(total, 1)
            say(f"training: step {step} of {total}, loss {loss:.4f}")

    report = train_version(
        warehouse,
        artifacts,
        clock=clock,
        hours=float(request.params.get("hours", hours)),
        symbol=symbol,
        until=training_end(request),
        rules=rules,
        options=options,
        run_id=request.job_id,
        requested_by=f"job {request.job_id}",
        labelled=labelled(symbol),
        progress=progress,
    )
    gate = report.card.gate
    verdict = "passed its gate" if gate.get("passed") else f"was refused by its gate: {gate.get('reason')}"
    return Made(
        f"version {report.version} from {report.windows:,} windows {verdict}",
        {
            "model_version": report.version,
            "alias": report.alias,
            "windows": report.windows,
            "gate_passed": bool(gate.get("passed")),
        },
    )


def score(request: JobRequest, say: Say, *, warehouse: Warehouse, artifacts: Artifacts, rules: WindowRules) -> Made:
    """Judge the metrics of the run date by a version, each symbol's champion without one, into ``reconerr``.

    Raises ``NotEnoughDataError`` when the day has no metrics.
    """
    from fsictl.model.aliases import CHAMPION, named
    from fsictl.model.batch import infer_batch
    from fsictl.model.champion import scorers_named

    scorers = scorers_named(artifacts, request.params.get("model", "champion"))
    symbol = request.params.get("symbol")
    start, end = bounds_ms(request.run_date)
    extents = [one for one in warehouse.extents(METRICS.name) if symbol in {None, one.symbol}]
    first = max(start, min((one.first for one in extents), default=end))
    after = min(end, max((one.last + 1 for one in extents), default=start))
    if first >= after:
        message = f"there are no stored metrics of {request.run_date}"
        raise NotEnoughDataError(message, hint="Choose another run date; `fsictl status` shows what is stored.")
    names = ", ".join(dict.fromkeys(scorer.version for scorer in scorers.all()))
    say(f"scoring by version {names}")
    verdicts = unreliable = 0
    symbols = None if symbol is None else [symbol]
    champions = named(artifacts, CHAMPION)
    judged = infer_batch(warehouse, scorers, start=first, end=after, symbols=symbols, rules=rules, alerting=champions)
    for rows in judged:
        if rows.num_rows:
            warehouse.write(RECONERR.name, rows)
        verdicts += rows.num_rows
        unreliable += rows.column("unreliable").to_pylist().count(True)
    return Made(
        f"{verdicts:,} verdicts by version {names}, {unreliable:,} unreliable",
        {"model_version": names, "verdicts": verdicts, "unreliable": unreliable},
    )


def run_models(request: JobRequest, say: Say, *, project: SqlProject) -> Made:
    """Make the marts of the run date: those of the workload, or those that ``select`` names."""
    from fsictl.sql.runner import run_sql

    chosen = request.params.get("select")
    select = sql_selection(request.workload) if chosen is None else chosen.split()
    done = run_sql(project, run_date=request.run_date, select=select)
    for table, count in done.given.items():
        say(f"{count:,} rows of {table} were given to the models")
    for model in done.models:
        of_day = "" if model.rows is None else f", {model.rows:,} rows of {request.run_date}"
        say(f"model {model.model}: {model.status}{of_day}")
    rows = {model.model: model.rows for model in done.models if model.rows is not None}
    return Made(f"{len(done.models)} models for {request.run_date}, {sum(rows.values()):,} rows", {"rows": rows})
