"""Verdicts: what is said about each window, by a rule, by a version, or by nobody, as rows of ``reconerr``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fsictl.model.aliases import BySymbol
from fsictl.model.columns import Columns, Flags, Integers
from fsictl.model.features import features_of, history_rows
from fsictl.model.rolling import Judgement, RollingCalibration
from fsictl.model.scoring import Scores
from fsictl.model.versions import Scorer
from fsictl.model.windows import WindowRules, filled_share, gather, is_stale
from fsictl.records.arrow import table_of
from fsictl.records.schemas import RECONERR

if TYPE_CHECKING:
    import pyarrow as pa

STALE = "stale"
"""A rule decided: there is no live price behind the RSI, so it is unreliable whatever the score says."""

NO_MODEL = "no model"
"""Nobody decided: there is no version yet."""

OTHER_METRICS = "other metrics"
"""Nobody decided: the version was made for another window, metrics window or RSI window than is in use."""

WARM_UP = "warm-up"
"""Nobody decided: the window's features need more rows before it than there are since the start or the last hole."""

NO_SCORE = "no score"
"""Nobody decided: the version gave no finite score, because a metric is not a finite number."""


def judge_windows(
    columns: Columns,
    runs: Integers,
    ends: Integers,
    *,
    rules: WindowRules,
    scorer: Scorer | None,
    rolling: RollingCalibration,
    shadow: bool = False,
) -> pa.Table:
    """One ``reconerr`` row per window end, in the order of ``ends``.

    A window is unreliable when its score is above the label threshold in force, and an alert when its p-value is not
    above the stricter rate. A stale window is unreliable by rule and no alert; it keeps its score if it has one, but
    takes no part in the calibration. A ``shadow`` version never alerts.
    """
    stale = is_stale(columns, ends, rules)
    reasons = np.full(len(ends), "", dtype=object)
    scores = _score(columns, runs, ends, reasons, rules=rules, scorer=scorer)
    reasons[stale] = STALE
    scored = ~np.isnan(scores.score)
    judged = scored | stale
    judgement = _judge(columns, ends, scores, scored, stale, scorer=scorer, rolling=rolling)
    rsi = columns.rsi[ends]
    return table_of(
        RECONERR,
        {
            "symbol": np.array(columns.symbols, dtype=object)[columns.code[ends]],
            "timestamp": columns.timestamp[ends],
            "model_version": [scorer.version if scorer else ""] * len(ends),
            "reconstruction_error": scores.score.astype(np.float64),
            "threshold": judgement.threshold,
            "unreliable": _flags(judgement.unreliable | stale, judged),
            "alert": _flags(judgement.alert & ~stale & (not shadow), judged),
            "p_value": judgement.p_value,
            "rsi": rsi,
            "side": np.where(rsi > rules.overbought, "overbought", "oversold"),
            "feature_errors": _shares(scores.feature_errors, scored, scorer),
            "gap_filled_fraction": filled_share(columns, ends, rules.length),
            "reason": [reason or None for reason in reasons],
        },
    )


def _judge(
    columns: Columns,
    ends: Integers,
    scores: Scores,
    scored: Flags,
    stale: Flags,
    *,
    scorer: Scorer | None,
    rolling: RollingCalibration,
) -> Judgement:
    """What the calibrations in force say; nothing (NaN, false) about windows without a score."""
    count = len(ends)
    made = Judgement(np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, bool), np.zeros(count, bool))
    if scorer is None:
        return made
    for code in np.unique(columns.code[ends[scored]]):
        mine = np.flatnonzero(scored & (columns.code[ends] == code))
        symbol, time = columns.symbols[code], columns.timestamp[ends[mine]]
        found = rolling.judge(scorer.card, symbol, time, scores.score[mine], counts=~stale[mine])
        made.threshold[mine], made.p_value[mine] = found.threshold, found.p_value
        made.unreliable[mine], made.alert[mine] = found.unreliable, found.alert
    made.threshold[~np.isfinite(made.threshold)] = np.nan
    return made


def _score(
    columns: Columns,
    runs: Integers,
    ends: Integers,
    reasons: npt.NDArray[np.object_],
    *,
    rules: WindowRules,
    scorer: Scorer | None,
) -> Scores:
    """Scores of the windows that can be scored, NaN for the others, whose reasons are filled in."""
    ready = runs[ends] >= rules.length + history_rows(rules.metrics_window)
    reasons[~ready] = WARM_UP
    if scorer is None:
        reasons[:] = NO_MODEL
        ready = np.zeros(len(ends), np.bool_)
    elif not fits(scorer, rules):
        reasons[:] = OTHER_METRICS
        ready = np.zeros(len(ends), np.bool_)
    width = len(scorer.card.features) if scorer else 0
    score = np.full(len(ends), np.nan, dtype=np.float32)
    errors = np.full((len(ends), width), np.nan, dtype=np.float32)
    if scorer is not None and ready.any():
        chosen = ends[ready]
        needed = np.zeros(len(columns.symbols), np.bool_)
        needed[columns.code[chosen]] = True
        kept = needed[columns.code]
        place = np.cumsum(kept) - 1
        features = features_of(columns.take(kept), metrics_window=rules.metrics_window, names=scorer.card.features)
        made = scorer.graph.score(gather(features, place[chosen], rules.length))
        score[ready], errors[ready] = made.score, made.feature_errors
        reasons[ready & np.isnan(score)] = NO_SCORE
    return Scores(score, errors)


def fits(scorer: Scorer, rules: WindowRules) -> bool:
    """Whether the version was made for windows and metrics like these."""
    card = scorer.card
    own = (card.length, card.metrics_window, card.rsi_window)
    return own == (rules.length, rules.metrics_window, rules.rsi_window)


def of_champions(verdicts: pa.Table, champions: BySymbol[str]) -> pa.Table:
    """Those rows of ``reconerr`` that the champion of their symbol gave, or nobody where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not champions.own:
        return verdicts.filter(pc.equal(verdicts.column("model_version"), champions.shared or ""))
    symbols, versions = (verdicts.column(name).to_pylist() for name in ("symbol", "model_version"))
    own = [(champions.of(symbol) or "") == version for symbol, version in zip(symbols, versions, strict=True)]
    return verdicts.filter(pa.array(own, pa.bool_()))


def _flags(values: Flags, known: Flags) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.bool_(), mask=~known)


def _shares(errors: npt.NDArray[np.float32], scored: Flags, scorer: Scorer | None) -> list[str | None]:
    """Each feature's share of the window's errors, as JSON; they sum to one."""
    if scorer is None:
        return [None] * len(errors)
    total = errors.sum(axis=1, keepdims=True, dtype=np.float64)
    even = 1.0 / max(errors.shape[1], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(total > 0, errors / total, even).round(6)
    return [
        json.dumps(dict(zip(scorer.card.features, row, strict=True))) if known else None
        for row, known in zip(shares.tolist(), scored.tolist(), strict=True)
    ]
