"""Do thresholds keep the rates that they promise, and how near can one day of one symbol come?

``python -m benchmarks.calibration [--days 3] [--seed 77]`` scores simulated days that nobody trained on as a stream,
with the version that comes with the package, and says for the label and for alerts:

- the rate over all symbols and days, with an interval from a bootstrap of whole hours (all symbols of an hour move
  together), and how many single days of single symbols are within a fifth of the target;
- the same for thresholds that nobody can have: each symbol's own quantile of exactly these days, known beforehand.
  What those miss is chance, and no calibration can do better than that;
- how many windows a day of one symbol is worth, if windows were independent: they overlap, and strange ones come in
  stretches.

Three days take about five minutes of one processor.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fsictl.metrics.parameters import MetricsParameters
from fsictl.model.bootstrap import shipped_card, shipped_files
from fsictl.model.inference import InferenceOperator
from fsictl.model.scoring import GraphScorer
from fsictl.model.versions import Scorer
from fsictl.prices.pairs import PAIRS
from fsictl.prices.simulate import simulate
from fsictl.records.ticks import Ticks
from fsictl.streams.evaluation import metrics_table

DAY_MS, HOUR_MS, SECOND_MS = 86_400_000, 3_600_000, 1000
TOGETHER_MS = 30 * SECOND_MS
"""Flagged windows that are at most so far apart are one stretch, as in the alerts."""

FIFTH = 0.2
ROWS = 50_000
RESAMPLES = 1000

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """Scored windows of one symbol: when, how high, and what was said."""

    symbol: str
    time: npt.NDArray[np.int64]
    score: Numbers
    label: Flags
    alert: Flags


def judged(symbol: str, days: int, seed: int) -> Judged:
    """The verdicts about simulated days of one pair."""
    card = shipped_card()
    scorer = Scorer(card, GraphScorer(shipped_files()[card.detectors[card.detector]]))
    ticks = Ticks.concat(list(simulate([symbol], seed=seed, duration=days * 86_400.0)))
    metrics, operator = metrics_table(ticks, MetricsParameters()), InferenceOperator()
    parts = [operator.process(metrics.slice(start, ROWS), scorer) for start in range(0, metrics.num_rows, ROWS)]
    rows = pa.concat_tables(parts)
    rows = rows.filter(pc.and_(pc.is_valid(rows["p_value"]), pc.is_null(rows["reason"])))
    rows = rows.filter(pc.less(rows["timestamp"], days * DAY_MS))  # after the last tick, gaps are filled for a minute
    time, score, label, alert = (
        rows[name].to_numpy() for name in ("timestamp", "reconstruction_error", "unreliable", "alert")
    )
    return Judged(symbol, time, score, label, alert)


@dataclass(frozen=True)
class Rates:
    """Of each day of each symbol: windows, flagged ones, and stretches of flagged ones."""

    windows: Numbers
    flagged: Numbers
    stretches: Numbers

    @property
    def rate(self) -> Numbers:
        """The share of windows that is flagged."""
        return self.flagged / self.windows


def rates(found: list[Judged], flags: list[Flags]) -> Rates:
    """What was flagged, by symbol and day."""
    rows = []
    for one, flag in zip(found, flags, strict=True):
        day = one.time // DAY_MS
        for number in np.unique(day):
            mine = day == number
            times = one.time[mine & flag]
            stretches = int((np.diff(times) > TOGETHER_MS).sum()) + bool(len(times))
            rows.append((int(mine.sum()), len(times), stretches))
    windows, flagged, stretches = np.array(rows, dtype=np.float64).T
    return Rates(windows, flagged, stretches)


def interval(found: list[Judged], flags: list[Flags], rng: np.random.Generator) -> tuple[float, float]:
    """95 % of bootstrapped rates over everything: whole hours are drawn, with all symbols in them."""
    hours = max(int(one.time[-1] // HOUR_MS) for one in found) + 1
    windows, flagged = np.zeros(hours), np.zeros(hours)
    for one, flag in zip(found, flags, strict=True):
        hour = one.time // HOUR_MS
        windows += np.bincount(hour, minlength=hours)
        flagged += np.bincount(hour, weights=flag, minlength=hours)
    drawn = rng.integers(0, hours, (RESAMPLES, hours))
    low, high = np.quantile(flagged[drawn].sum(axis=1) / windows[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def told(name: str, found: list[Judged], flags: list[Flags], target: float, rng: np.random.Generator) -> str:
    """One row of the table."""
    of_days = rates(found, flags)
    low, high = interval(found, flags, rng)
    pooled = of_days.flagged.sum() / of_days.windows.sum()
    near = int((np.abs(of_days.rate - target) <= FIFTH * target).sum())
    spread = float(of_days.rate.std(ddof=1))
    worth = pooled * (1 - pooled) / spread**2
    cells = [
        name,
        f"{pooled:.2%} ({low:.2%} to {high:.2%})",
        f"{near} of {len(of_days.rate)}",
        f"{spread / target:.0%}",
        f"{np.mean(of_days.stretches):.0f}",
        f"{worth:,.0f} of {np.mean(of_days.windows):,.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def known_beforehand(found: list[Judged], target: float) -> list[Flags]:
    """What the exact quantile of all of a symbol's days flags."""
    return [one.score > np.quantile(one.score, 1 - target) for one in found]


def main(arguments: list[str] | None = None) -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--seed", type=int, default=77)
    given = parser.parse_args(arguments)
    found = [judged(symbol, given.days, given.seed) for symbol in sorted(PAIRS)]
    rng = np.random.default_rng(1)
    print(f"{given.days} simulated days of {len(found)} pairs, seed {given.seed}, scored as a stream.\n")
    print(
        "| thresholds | rate of everything | symbol-days within a fifth | spread of symbol-days, of the target"
        " | stretches a symbol-day | independent windows a symbol-day is worth |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for target, name, flags in (
        (0.10, "label", [one.label for one in found]),
        (0.01, "alert", [one.alert for one in found]),
    ):
        print(told(f"{name}, {target:.0%}, as stored", found, flags, target, rng))
        print(told(f"{name}, {target:.0%}, known beforehand", found, known_beforehand(found, target), target, rng))


if __name__ == "__main__":
    main()
