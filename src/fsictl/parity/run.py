"""All comparisons that ``fsictl verify parity`` makes, for scripts too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fsictl.errors import MissingExtraError
from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.windows import WindowRules
from fsictl.parity import local
from fsictl.parity.scenarios import rows_by_time, scenarios_of
from fsictl.parity.verify import Comparison, compare, verify_metrics
from fsictl.records.schemas import RECONERR
from fsictl.records.ticks import Ticks

if TYPE_CHECKING:
    import pyarrow as pa

    from fsictl.parity.beam import Runner

COMPARISONS = 14
"""How many comparisons :func:`verify_parity` makes."""


def verify_parity(
    ticks: Ticks,
    *,
    parameters: MetricsParameters,
    allowed_lateness: float,
    seed: int,
    shards: int,
    prism: Path | None = None,
) -> Iterator[Comparison]:
    """Give these ticks in every scenario to the local engine and to Beam; what was compared, one by one.

    First the metrics rows and late ticks of all scenarios, then the verdicts about the rows of the first one, by a
    version with random weights. ``prism`` is the file of Beam's portable runner, without it Beam's own run here.
    Raises ``MissingExtraError`` without Apache Beam.
    """
    try:
        from fsictl.parity import beam
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "apache_beam":
            raise
        raise MissingExtraError(library="Apache Beam", extra="beam") from error
    runner = beam.DIRECT if prism is None else beam.prism(prism)
    scenarios = scenarios_of(ticks, seed=seed, allowed_lateness=allowed_lateness)
    yield from verify_metrics(
        scenarios,
        local=partial(local.stream_metrics, parameters=parameters, allowed_lateness=allowed_lateness),
        streams={
            "Beam stream": partial(
                beam.stream_metrics,
                parameters=parameters,
                allowed_lateness=allowed_lateness,
                shards=shards,
                runner=runner,
            )
        },
        bounded={
            "local backfill": partial(local.backfill_metrics, parameters=parameters),
            "Beam backfill": partial(beam.backfill_metrics, parameters=parameters, shards=shards, runner=runner),
        },
    )
    yield from _verify_verdicts(local.backfill_metrics(scenarios[0], parameters).rows, parameters, seed, shards, runner)


def _verify_verdicts(
    rows: pa.Table, parameters: MetricsParameters, seed: int, shards: int, runner: Runner
) -> Iterator[Comparison]:
    """Verdicts of the local stream, and of Beam, to which the messages that come together come backwards."""
    from fsictl.parity import beam
    from fsictl.parity.chance import champion_of_chance

    rules = WindowRules(metrics_window=parameters.window, rsi_window=parameters.rsi_seconds)
    store = champion_of_chance(rules, seed=seed)
    deliveries = rows_by_time(rows)
    expected = local.stream_verdicts(deliveries, rules, store)
    backwards = [delivery[::-1] for delivery in deliveries]
    streamed = beam.stream_verdicts(backwards, rules, store, shards=shards, runner=runner)
    yield compare(RECONERR, "verdicts", "Beam stream", rows.num_rows, expected, streamed)
    bounded = beam.bounded_verdicts(backwards[::-1], rules, store, shards=shards, runner=runner)
    yield compare(RECONERR, "verdicts", "Beam batch", rows.num_rows, expected, bounded)
