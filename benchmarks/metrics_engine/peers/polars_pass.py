"""polars: all ticks of a round in one lazy query."""

from __future__ import annotations

import numpy as np
import polars as pl
from benchmarks.metrics_engine.check import compare
from benchmarks.metrics_engine.contest import Expected, Measured
from benchmarks.metrics_engine.plain import ALPHA, MAX_GAP, WINDOW, bars_of, rows_of, sampled
from benchmarks.metrics_engine.workload import START_SECOND, Workload

from fsictl.records.ticks import Ticks


def frame_of(ticks: Ticks) -> pl.DataFrame:
    """Ticks as polars likes them: the symbols as small integers, no strings."""
    return pl.DataFrame({"code": ticks.code, "timestamp": ticks.timestamp, "value": ticks.value})


def bars(ticks: pl.LazyFrame) -> pl.LazyFrame:
    """A row per symbol and second, gaps filled."""
    second = (pl.col("timestamp") // 1000).alias("second")
    value, timestamp = pl.col("value"), pl.col("timestamp")
    made = (
        ticks.sort("timestamp", maintain_order=True)  # and the bars afterwards: three times as fast as all at once
        .group_by("code", second)
        .agg(
            FIRST=value.first(),
            LAST=value.last(),
            FIRST_TIMESTAMP=timestamp.first(),
            LAST_TIMESTAMP=timestamp.last(),
            MIN=value.min(),
            MAX=value.max(),
            SUM=value.sum(),
            DATA_POINT_COUNT=pl.len().cast(pl.Int64),
        )
        .sort("code", "second")
    )
    grid = (
        made.group_by("code", maintain_order=True)
        .agg(second=pl.int_range(pl.col("second").min(), pl.col("second").max() + 1))
        .explode("second")
    )
    last = pl.col("LAST").forward_fill(limit=MAX_GAP).over("code")
    joined = grid.join(made, on=["code", "second"], how="left", maintain_order="left")
    return (
        joined.with_columns(
            GAP_FILLED=pl.col("FIRST").is_null(),
            LAST=last,
            LAST_TIMESTAMP=pl.col("LAST_TIMESTAMP").forward_fill(limit=MAX_GAP).over("code"),
            DATA_POINT_COUNT=pl.col("DATA_POINT_COUNT").fill_null(1),
        )
        .filter(pl.col("LAST").is_not_null())
        .with_columns(
            *(pl.col(name).fill_null(pl.col("LAST")) for name in ("FIRST", "MIN", "MAX", "SUM")),
            FIRST_TIMESTAMP=pl.col("FIRST_TIMESTAMP").fill_null(pl.col("LAST_TIMESTAMP")),
        )
    )


def metrics(ticks: pl.LazyFrame) -> pl.LazyFrame:
    """All columns. Windows count rows, which are seconds as long as no gap is longer than ``MAX_GAP``."""

    def rolling_sum(expression: pl.Expr) -> pl.Expr:
        return expression.rolling_sum(WINDOW, min_samples=1).over("code")

    last = pl.col("LAST")
    moved = (
        bars(ticks)
        .with_columns(move=last.diff().over("code"))
        .with_columns(
            LOG_RTN=(pl.col("move") / (last - pl.col("move"))).log1p().fill_null(0.0),
            SUM_MOVEMENT_COUNT=pl.min_horizontal(pl.int_range(1, pl.len() + 1).over("code"), pl.lit(WINDOW)),
        )
    )
    moves = WINDOW - 1
    rolled = moved.with_columns(
        SIMPLE_MOVING_AVERAGE=rolling_sum(pl.col("SUM")) / rolling_sum(pl.col("DATA_POINT_COUNT")),
        EXPONENTIAL_MOVING_AVERAGE=last.ewm_mean(alpha=ALPHA, adjust=True).over("code"),
        STANDARD_DEVIATION=last.rolling_std(WINDOW, min_samples=1, ddof=0).over("code"),
        SUM_UP_MOVEMENT=pl.col("move")
        .clip(lower_bound=0)
        .fill_null(0.0)
        .rolling_sum(moves, min_samples=1)
        .over("code"),
        SUM_DOWN_MOVEMENT=pl.col("move")
        .clip(upper_bound=0)
        .fill_null(0.0)
        .rolling_sum(moves, min_samples=1)
        .over("code"),
        GAP_FILLED_FRACTION=rolling_sum(pl.col("GAP_FILLED").cast(pl.Float64)) / pl.col("SUM_MOVEMENT_COUNT"),
    )
    gain, loss = pl.col("ABS_MOVING_AVERAGE_GAIN"), pl.col("ABS_MOVING_AVERAGE_LOSS")
    strength = pl.when(loss != 0).then(gain / loss)
    sma, ema, band = (
        pl.col("SIMPLE_MOVING_AVERAGE"),
        pl.col("EXPONENTIAL_MOVING_AVERAGE"),
        2 * pl.col("STANDARD_DEVIATION"),
    )
    return (
        rolled.with_columns(
            ABS_MOVING_AVERAGE_GAIN=pl.col("SUM_UP_MOVEMENT") / pl.col("SUM_MOVEMENT_COUNT"),
            ABS_MOVING_AVERAGE_LOSS=-pl.col("SUM_DOWN_MOVEMENT") / pl.col("SUM_MOVEMENT_COUNT"),
        )
        .with_columns(RELATIVE_STRENGTH=strength)
        .with_columns(
            RELATIVE_STRENGTH_INDICATOR=pl.when(loss != 0)
            .then(100 - 100 / (1 + pl.col("RELATIVE_STRENGTH")))
            .when(gain > 0)
            .then(100.0),
            BB_MIDDLE_BAND_SMA=sma,
            BB_UPPER_BAND_SMA=sma + band,
            BB_BOTTOM_BAND_SMA=sma - band,
            BB_MIDDLE_BAND_EMA=ema,
            BB_UPPER_BAND_EMA=ema + band,
            BB_BOTTOM_BAND_EMA=ema - band,
        )
        .drop("move")
    )


class PolarsPass:
    """One query over the ticks of a round, which begins with empty windows."""

    name = f"polars {pl.__version__}, one pass"
    scope = "bars, gaps, disorder by sorting, all 28 columns; a bounded batch, no late ticks, no state"
    must_be_right = False
    note = (
        "One lazy query over a round's ticks, late ones taken out before, symbols as integers, one thread; it begins"
        " with empty windows, so it is spared carrying any."
    )

    def warm_up(self, workload: Workload, expected: Expected) -> None:
        self.run(frame_of(workload.alone(0, 1)))

    def prepare(self, workload: Workload, round_number: int, expected: Expected) -> pl.DataFrame:
        return frame_of(workload.alone(round_number, len(workload.symbols)))

    def run(self, ticks: pl.DataFrame) -> pl.DataFrame:
        return metrics(ticks.lazy()).collect()

    def check(self, result: pl.DataFrame, workload: Workload, round_number: int, expected: Expected) -> Measured:
        ticks = workload.alone(round_number, len(workload.symbols))
        seconds = workload.seconds(round_number)
        bars = bars_of(ticks, seconds.start, seconds.stop)
        chosen = sampled(len(seconds))
        wanted = rows_of(bars, chosen)
        second = result["second"].to_numpy() - START_SECOND - seconds.start
        begins = ~np.isnan(bars["LAST"][:, 0])[result["code"].to_numpy()]  # where windows begin with the round
        looked_at = np.isin(second, chosen) & begins
        part = result.filter(pl.Series(looked_at))
        row, column = part["code"].to_numpy(), np.searchsorted(chosen, second[looked_at])
        actual = {name: _values(part[name]) for name in wanted}
        expected_rows = {name: grid[row, column] for name, grid in wanted.items()}
        verdict = compare(actual, expected_rows, expected_rows["LAST"])
        return Measured(len(ticks), len(result), verdict)


def participants() -> list[PolarsPass]:
    return [PolarsPass()]


def _values(column: pl.Series) -> np.ndarray:
    values: np.ndarray = (column.fill_null(np.nan) if column.dtype == pl.Float64 else column).to_numpy()
    return values
