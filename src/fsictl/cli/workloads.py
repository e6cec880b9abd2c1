"""What this program gives to workloads, to the worker that runs them, and to the check of what they made."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fsictl.backends.local.layout import Layout
from fsictl.backends.local.lock import holder
from fsictl.cli.models import training_options, window_rules
from fsictl.cli.pipelines import metrics_parameters
from fsictl.cli.session import Session
from fsictl.errors import BusyError, PreconditionError

if TYPE_CHECKING:
    from fsictl.jobs.checks import Verdict
    from fsictl.jobs.request import JobRequest
    from fsictl.jobs.states import Job
    from fsictl.jobs.workloads import Made
    from fsictl.model.adoption import LabelledPrices
    from fsictl.model.scorecard import LabelledMetrics

WORKER = "workloads"
"""The name of the worker's process and of its place among those who read the topic ``jobs``."""


def perform(session: Session, request: JobRequest) -> Made:
    """Do one job here, to its end; lines about it go to stderr."""
    from fsictl.jobs import workloads

    def say(line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    match request.workload:
        case "train":
            options = training_options(session, "standard")
            seed, steps = (int(request.params.get(name, getattr(options, name))) for name in ("seed", "steps"))
            options = replace(options, seed=seed, steps=steps)
            return workloads.train(
                request,
                say,
                warehouse=session.warehouse,
                artifacts=session.artifacts,
                clock=session.clock,
                hours=session.settings.model.hours,
                rules=window_rules(session),
                options=options,
                labelled=lambda symbol: labelled_prices(session, symbol),
            )
        case "score":
            rules = window_rules(session)
            return workloads.score(request, say, warehouse=session.warehouse, artifacts=session.artifacts, rules=rules)
        case _:
            return workloads.run_models(request, say, project=session.sql_project)


def labelled_prices(session: Session, symbol: str | None) -> LabelledPrices:
    """Stored metrics with anomalies put in, for the scorecard of a gate."""

    def labelled(start: int, end: int) -> LabelledMetrics | None:
        from fsictl.streams.evaluation import stored

        symbols = None if symbol is None else [symbol]
        return stored(session.warehouse, symbols, metrics_parameters(session), start=start, end=end, seed=1)

    return labelled


def check(session: Session, job: Job) -> Verdict:
    """Whether a job was done properly, by what is stored now."""
    from fsictl.jobs.checks import check_job

    return check_job(
        job,
        warehouse=session.warehouse,
        artifacts=session.artifacts,
        count_rows=lambda mart, request: _rows_of(session, mart, request),
    )


def _rows_of(session: Session, mart: str, request: JobRequest) -> int:
    if session.sql_project.database is None:  # the marts are tables of the warehouse, and its SQL is BigQuery's
        sql = f"SELECT count(*) AS n FROM {session.sql_project.dataset}.{mart}"  # noqa: S608 - names of our own
        sql += f" WHERE run_date = DATE '{request.run_date.isoformat()}'"
        return int(session.warehouse.query(sql).column("n")[0].as_py())
    from fsictl.sql.dbt import need_dbt
    from fsictl.sql.results import read_mart

    need_dbt(session.sql_project)
    import duckdb

    try:
        return len(read_mart(session.sql_project, mart, run_date=request.run_date))
    except duckdb.Error as error:  # another program has the file open, or it is damaged
        message = f"the marts cannot be read: {error}"
        raise PreconditionError(message, hint="Close whatever has the file of the marts open.") from error


class LocalWorker:
    """A worker on this machine that is there while it is needed: one that runs already, or one that is started."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._started = False

    def ensure(self) -> None:
        """Start a supervised worker unless one runs."""
        from fsictl.backends.local.supervise import supervisor_lock

        root = self._session.root
        if holder(Layout(root).lock(WORKER)) is not None or holder(supervisor_lock(root, WORKER)) is not None:
            return
        try:
            self._session.local_engine.start([WORKER])
        except BusyError:  # somebody else was faster
            return
        self._started = True

    def end(self, *, drain: bool) -> None:
        """End the worker if it was started here; ``drain``: when it has finished what it was given."""
        if self._started:
            self._session.local_engine.stop([WORKER], drain=drain, timeout=24 * 3600.0 if drain else 10.0)
            self._started = False


@contextmanager
def worker_here(session: Session, *, wanted: bool) -> Iterator[LocalWorker | None]:
    """A worker for the time of the block, if it is wanted; work that is under way at its end is finished first.

    After an error or Ctrl-C it is ended at once; its job waits for the next worker.
    """
    if not wanted or session.is_cloud:  # elsewhere workers are not processes of this machine
        yield None
        return
    worker = LocalWorker(session)
    worker.ensure()
    drain = False
    try:
        yield worker
        drain = True
    finally:
        worker.end(drain=drain)


def pause() -> None:
    """The wait between two looks at a job."""
    time.sleep(0.2)
