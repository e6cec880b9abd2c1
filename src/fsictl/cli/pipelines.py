"""The streaming pipelines by name, made from settings and run in this process until a signal says stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING

from fsictl.backends.local.supervise import LOG_VARIABLE, READY, SUPERVISOR_VARIABLE, TRY_AGAIN, LongLog
from fsictl.cli.session import Session
from fsictl.errors import ServiceError, StorageUnavailableError
from fsictl.ports.messenger import Channel
from fsictl.records.schemas import METRICS_TOPIC, RECONERR_TOPIC

if TYPE_CHECKING:
    from fsictl.metrics.parameters import MetricsParameters
    from fsictl.settings.schema import Settings
    from fsictl.streams.pipeline import Pipeline, Stop

NAMES = ("metrics", "infer", "sink")
"""The pipelines of a stream, in the order in which they are drained: each hands its work to the next ones."""


def metrics_parameters(session: Session) -> MetricsParameters:
    """The parameters of the metrics operator that the settings ask for."""
    return metrics_parameters_of(session.settings)


def metrics_parameters_of(settings: Settings) -> MetricsParameters:
    """The parameters of the metrics operator that these settings ask for."""
    from fsictl.metrics.parameters import MetricsParameters

    metrics = settings.metrics
    return MetricsParameters(window=metrics.window, rsi_window=metrics.rsi_window, max_gap=metrics.max_gap)


def _sink(session: Session) -> tuple[Pipeline, Channel]:
    from fsictl.streams.sink import SinkPipeline

    pipeline = SinkPipeline(session.clock)
    return pipeline, session.warehouse.sink("sink", pipeline.inputs)


def _metrics(session: Session) -> tuple[Pipeline, Channel]:
    from fsictl.streams.metrics import MetricsPipeline

    metrics = session.settings.metrics
    pipeline = MetricsPipeline(
        metrics_parameters(session),
        session.clock,
        allowed_lateness=metrics.allowed_lateness,
        idle_timeout=metrics.idle_timeout,
        max_ahead=metrics.max_ahead,
    )
    return pipeline, session.messenger.channel("metrics", pipeline.inputs, METRICS_TOPIC)


def _infer(session: Session) -> tuple[Pipeline, Channel]:
    from fsictl.cli.models import window_rules
    from fsictl.streams.infer import InferPipeline

    pipeline = InferPipeline(window_rules(session), session.artifacts, session.clock, session.warehouse)
    return pipeline, session.messenger.channel("infer", pipeline.inputs, RECONERR_TOPIC)


_FACTORIES = {"sink": _sink, "metrics": _metrics, "infer": _infer}


class SignalStop:
    """Turns signals into what the loop asks: SIGTERM and Ctrl-C end it now, SIGUSR1 drains it.

    A pipeline whose keeper is gone ends as well, so that no orphan goes on working.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        keeper = environment.get(SUPERVISOR_VARIABLE)
        self._keeper = int(keeper) if keeper else None
        self._now = self._drain = False
        self.interrupted = False
        """Whether Ctrl-C asked for the end."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGUSR1, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted |= number == signal.SIGINT
        if number == signal.SIGUSR1:
            self._drain = True
        else:
            self._now = True

    @property
    def is_supervised(self) -> bool:
        """Whether a keeper started this process."""
        return self._keeper is not None

    def tell_ready(self) -> None:
        """Tell the keeper, if there is one, that the pipeline works."""
        if self._keeper is not None and os.getppid() == self._keeper:
            os.kill(self._keeper, READY)

    def __call__(self) -> Stop:
        from fsictl.streams.pipeline import Stop

        if self._now or (self._keeper is not None and os.getppid() != self._keeper):
            return Stop.NOW
        return Stop.DRAIN if self._drain else Stop.NO

    @property
    def asked(self) -> bool:
        """Whether the process should end."""
        from fsictl.streams.pipeline import Stop

        return self() is not Stop.NO


def run_in_foreground(session: Session, name: str) -> None:
    """Run one pipeline in this process until a signal ends it, then say what it did.

    Under a keeper, a disk that refuses for now ends it with the exit code that lets the keeper try again.
    """
    # No pipeline multiplies matrices, and the idle threads that numpy would start for it burn CPU while they wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    log_to_stderr()
    signals = SignalStop(session.environment)
    under_a_keeper(session, signals, lambda stop: _run(session, name, signals, stop))


def log_to_stderr() -> None:
    """Let every line of the log begin with the time and how serious it is."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )


def under_a_keeper(session: Session, signals: SignalStop, work: Callable[[Callable[[], Stop]], None]) -> None:
    """Do something that lasts, giving it what tells when to stop.

    Under a keeper its log is moved aside when it has grown long, and what may pass ends with the exit code that lets
    the keeper try again.
    """
    if not signals.is_supervised:
        work(signals)
        return
    long_log = LongLog(session.environment.get(LOG_VARIABLE), session.clock)

    def stop_or_turn_the_page() -> Stop:
        long_log.look()
        return signals()

    try:
        work(stop_or_turn_the_page)
    except (ServiceError, StorageUnavailableError) as error:
        logging.error("%s. Nothing is lost; it is tried again. %s", error, error.hint)
        sys.exit(TRY_AGAIN)


def _run(session: Session, name: str, signals: SignalStop, stop: Callable[[], Stop]) -> None:
    from fsictl.streams.pipeline import run_pipeline

    settings = session.settings.stream
    if not session.is_cloud:
        session.make_workspace()
    pipeline, channel = _FACTORIES[name](session)
    with channel:
        logging.info("%s started", name)
        counters = run_pipeline(
            pipeline,
            channel,
            session.clock,
            poll=settings.poll,
            messages=settings.messages,
            stop=stop,
            on_ready=signals.tell_ready,
        )
    logging.info("%s ended: %s", name, ", ".join(f"{key} {value}" for key, value in counters.items()))
    session.output.document({"pipeline": name, **counters})
