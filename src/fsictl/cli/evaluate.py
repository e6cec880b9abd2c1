"""``fsictl model evaluate``: does a version find what is wrong, and do prices treat flagged signals worse?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fsictl.cli.models import need_version, window_rules
from fsictl.cli.options import finite
from fsictl.cli.output import time_text
from fsictl.cli.pipelines import metrics_parameters
from fsictl.cli.session import Session
from fsictl.errors import NotEnoughDataError, UsageError

if TYPE_CHECKING:
    from fsictl.metrics.parameters import MetricsParameters
    from fsictl.model.forward import Estimate, ForwardReturns
    from fsictl.model.scorecard import LabelledMetrics, ScorecardRow
    from fsictl.model.versions import Scorer
    from fsictl.records.ticks import Ticks

MOST_SIMULATED = 3
"""Symbols that are simulated at most unless they are named."""


def evaluate(
    session: Session,
    version: Annotated[str, typer.Argument(help="A version, or champion or challenger.")] = "champion",
    replay: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Real prices; may be given more than once.")
    ] = None,
    stored: Annotated[bool, typer.Option("--stored", help="The stored prices of the last --hours.")] = False,
    symbols: Annotated[str | None, typer.Option(help="Pairs to simulate, with commas between.")] = None,
    hours: Annotated[
        float, typer.Option(callback=finite, min=0.5, max=8784, help="Hours of simulated or stored prices.")
    ] = 24.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation and of the anomalies.")] = 1,
    horizons: Annotated[str, typer.Option(help="Seconds after a signal, with commas between.")] = "60,300",
) -> None:
    """Put labelled anomalies into prices, and see who finds them: a version, simple baselines, the ancestor.

    Without --replay or --stored the prices are simulated ones that nobody trained on. With real prices, the returns
    after RSI signals are compared too: those called unreliable against the others. The results are kept in the table
    scorecards.
    """
    from fsictl.model.comparison import compare, rules_of
    from fsictl.model.scorecard import scorecard_table
    from fsictl.model.versions import load_scorer

    if stored and replay:
        message = "--stored and --replay name different prices"
        raise UsageError(message, hint="Give one of them.")
    asked = _horizons(horizons)
    session.need_workspace()
    version = need_version(session, version)
    scorer = load_scorer(session.artifacts, version)
    rules = rules_of(scorer.card, window_rules(session))
    parameters = dataclasses.replace(
        metrics_parameters(session), window=rules.metrics_window, rsi_window=rules.rsi_window
    )
    ticks = _ticks(session, replay or [], scorer, stored=stored, hours=hours)
    session.output.say("Putting anomalies into the prices and computing their metrics.")
    labelled = _labelled(session, scorer, parameters, ticks, symbols=symbols, hours=hours, seed=seed)
    rows = compare(session.artifacts, session.warehouse, scorer, labelled, rules)
    if rows:
        at = session.clock.now_ms()
        table = scorecard_table(rows, version=scorer.version, prices=labelled.prices, at=at)
        session.warehouse.write("scorecards", table)
    returns = [] if ticks is None else _returns(ticks, parameters, scorer, rules, asked)
    _show(session, scorer, labelled.prices, rows, returns)


def _horizons(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 86_400 for part in parts):
        message = f"--horizons {text!r} are not whole numbers of seconds up to a day"
        raise UsageError(message, hint="Give them as in --horizons 60,300.")
    return [int(part) for part in parts]


def _ticks(session: Session, files: Sequence[Path], scorer: Scorer, *, stored: bool, hours: float) -> Ticks | None:
    """The real prices that were asked for; ``None`` when simulated ones are."""
    from fsictl.prices.replay import read_prices
    from fsictl.records.ticks import Ticks
    from fsictl.streams.evaluation import stored_ticks

    if files:
        return Ticks.concat([ticks for file in files for ticks, _ in read_prices(file)])
    if not stored:
        return None
    extents = [one for one in session.warehouse.extents("prices") if one.symbol in scorer.card.snapshot.symbols]
    if not extents:
        message = "no prices are stored of the symbols that the version was trained on"
        raise NotEnoughDataError(message, hint="Give a file with --replay, or evaluate on simulated prices.")
    end = max(one.last for one in extents) + 1
    symbols = [one.symbol for one in extents]
    return stored_ticks(session.warehouse, symbols, start=end - round(hours * 3_600_000), end=end)


def _labelled(
    session: Session,
    scorer: Scorer,
    parameters: MetricsParameters,
    ticks: Ticks | None,
    *,
    symbols: str | None,
    hours: float,
    seed: int,
) -> LabelledMetrics:
    from fsictl.prices.pairs import pair_of
    from fsictl.streams.evaluation import of_ticks, simulated

    if ticks is not None:
        first, last = (time_text(int(one)) for one in (ticks.timestamp.min(), ticks.timestamp.max()))
        what = f"real: {len(ticks):,} ticks of {', '.join(ticks.symbols)}, {first} to {last} UTC, seed {seed}"
        return of_ticks(ticks, parameters, what, seed=seed)
    chosen = list(scorer.card.snapshot.symbols[:MOST_SIMULATED])
    if symbols:
        chosen = [symbol.strip() for symbol in symbols.split(",")]
        for symbol in chosen:
            pair_of(symbol)
    return simulated(chosen, parameters, hours=hours, hz=session.settings.prices.hz, seed=seed)


def _returns(
    ticks: Ticks, parameters: MetricsParameters, scorer: Scorer, rules: Any, horizons: Sequence[int]
) -> list[ForwardReturns]:
    from fsictl.model.forward import signal_returns
    from fsictl.streams.evaluation import metrics_table

    return signal_returns(metrics_table(ticks, parameters), scorer, rules, horizons)


def _show(
    session: Session, scorer: Scorer, prices: str, rows: Sequence[ScorecardRow], returns: Sequence[ForwardReturns]
) -> None:
    output = session.output
    if output.as_json:
        output.document(
            {
                "model_version": scorer.version,
                "detector": scorer.card.detector,
                "prices": prices,
                "scorecard": [dataclasses.asdict(row) for row in rows],
                "forward_returns": [dataclasses.asdict(one) for one in returns],
            }
        )
        return
    output.say(f"Version {scorer.version}, scoring with {scorer.card.detector}; prices {prices}.")
    if rows:
        headings = {"detector": "ROC-AUC of", **{kind: kind for kind in _kinds(rows)}}
        output.rows(
            table_by_detector(rows),
            {**headings, "AP": "average precision", "1 %": "events found at 1 %", "10 %": "at 10 %"},
        )
        output.say(
            f"{rows[0].events} anomalies. verdict is what the version says: an alert under 1 %, unreliable under 10 %;"
            " the others are compared at thresholds that 1 % and 10 % of the windows without an anomaly exceed."
        )
        if "IsolationForest" not in {row.detector for row in rows}:
            output.say("IsolationForest needs scikit-learn: pip install 'fsictl[evaluation]'.")
    else:
        output.say("There are too few windows at an extreme RSI in these prices for a scorecard.")
    for one in returns:
        output.say(in_words(one))


def _kinds(rows: Sequence[ScorecardRow]) -> list[str]:
    return list(dict.fromkeys(row.kind for row in rows))


def table_by_detector(rows: Sequence[ScorecardRow]) -> list[dict[str, Any]]:
    """A row for each detector: ROC-AUC by kind of anomaly, and what it finds of all kinds together."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        line = found.setdefault(row.detector, {"detector": row.detector})
        line[row.kind] = _number(row.roc_auc)
        if row.kind == "all":
            own = row.detector == "verdict"
            line |= {
                "AP": _number(row.average_precision),
                "1 %": f"{row.recall_1:.0%}" + (f" at {row.flagged_1:.1%}" if own else ""),
                "10 %": f"{row.recall_10:.0%}" + (f" at {row.flagged_10:.1%}" if own else ""),
            }
    return list(found.values())


def _number(value: float) -> str | None:
    return None if math.isnan(value) else f"{value:.3f}"


def in_words(one: ForwardReturns) -> str:
    """The comparison of signals, in a sentence or two that claim no more than the interval allows."""
    counts = f"{one.horizon} s after a signal: {one.flagged:,} flagged and {one.reliable:,} reliable ones"
    if not (one.flagged and one.reliable):
        return f"{counts}; nothing to compare."
    said = (
        f"{counts} in {one.blocks} stretches of time. Hit rate {_share(one.flagged_hits)} flagged,"
        f" {_share(one.reliable_hits)} reliable; mean return {_points(one.flagged_return)} and"
        f" {_points(one.reliable_return)} basis points."
    )
    low, high = one.difference.low, one.difference.high
    if math.isnan(low):
        return f"{said} That is too little for an interval, and for any conclusion."
    if low <= 0 <= high:
        return f"{said} The difference may be chance: whether the flag helps cannot be told from these prices."
    return f"{said} The flag {'helps' if low > 0 else 'does harm'} here."


def _share(one: Estimate) -> str:
    interval = "" if math.isnan(one.low) else f" ({one.low:.0%} to {one.high:.0%})"
    return f"{one.value:.1%}{interval}"


def _points(one: Estimate) -> str:
    interval = "" if math.isnan(one.low) else f" ({one.low:.2f} to {one.high:.2f})"
    return f"{one.value:.2f}{interval}"
